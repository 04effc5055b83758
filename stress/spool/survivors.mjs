// What has to be in the spool, from what its victims said; and whether it is.
import { Spool } from '../../packages/exporter-adapter/dist/spool/spool.js'
import { parcelOf } from './parcel.mjs'

export class Survivors {
  #directory
  /** By parcel: the latest version that was acknowledged, and what became of its removal. */
  #parcels = new Map()
  counts = { acknowledged: 0, lost: 0, older: 0, corrupt: 0, twice: 0, cameBack: 0, unreadable: 0 }

  constructor(directory) {
    this.#directory = directory
  }

  hear(line) {
    const [step, operation, parcel, version] = line.split(' ')
    const known = this.#parcels.get(parcel) ?? { version: 0, removal: 'none' }
    this.#parcels.set(parcel, known)
    if (step === 'done') this.counts.acknowledged++
    if (operation === 'remove') known.removal = step
    else if (step === 'done') known.version = Math.max(known.version, Number(version))
  }

  /** Claims everything, as an independent process would, and lets it go again. */
  async check() {
    const spool = await Spool.open({ directory: this.#directory, name: 'victim' })
    const found = new Set()
    for (const entry of await spool.claim()) {
      const parcel = parcelOf(await entry.read())
      if (parcel === undefined || parcel.version !== entry.points) {
        this.counts.corrupt++
        continue
      }
      const known = this.#parcels.get(parcel.parcel)
      if (found.has(parcel.parcel)) this.counts.twice++
      found.add(parcel.parcel)
      if (known?.removal === 'done') this.counts.cameBack++
      else if (parcel.version < (known?.version ?? 0)) this.counts.older++
    }
    this.counts.unreadable += spool.unreadable.length
    await spool.close()
    for (const [parcel, { version, removal }] of this.#parcels) {
      if (found.has(parcel)) continue
      if (version > 0 && removal === 'none') this.counts.lost++
      // It is gone for good: a removal that was begun was done.
      this.#parcels.delete(parcel)
    }
  }
}
