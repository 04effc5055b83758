// Writes until it is killed: node victim.mjs DIRECTORY LIFE SEED [CALL]. With CALL it kills itself before that call of the file
// system. Says on its standard output what it begins and what is acknowledged, in writes that a kill does not take back.
import { writeSync } from 'node:fs'
import { nodeFs } from '../../packages/exporter-adapter/dist/spool/file-calls.js'
import { Spool } from '../../packages/exporter-adapter/dist/spool/spool.js'
import { bodyOf, parcelOf } from './parcel.mjs'
import { below, randomOf } from './random.mjs'

const [directory, life, seed, killAt] = process.argv.slice(2)
const random = randomOf(Number(seed))
const say = (...words) => writeSync(1, `${words.join(' ')}\n`)

let calls = 0
const counted = (made) =>
  Object.fromEntries(
    Object.entries(made).map(([name, make]) => [
      name,
      (...args) => {
        if (calls++ === Number(killAt)) process.kill(process.pid, 'SIGKILL')
        return make(...args)
      },
    ]),
  )
const fs = { awaited: counted(nodeFs.awaited), blocking: counted(nodeFs.blocking) }

async function acknowledged(operation, parcel, version, work) {
  say('begin', operation, parcel, version)
  await work()
  say('done', operation, parcel, version)
}

const spool = await Spool.open({ directory, name: 'victim', fs })
for (const [at, entry] of (await spool.claim()).entries()) {
  const { parcel, version } = parcelOf(await entry.read())
  // A few stay, so that claims come to lie in claims.
  if (at !== 1 && at < 12) await acknowledged('remove', parcel, version, () => entry.remove())
}

const sealed = []
for (let turn = 0; ; turn++) {
  const parcel = `${life}.${turn}`
  let version = 0
  const write = (slot, how) => {
    version++
    return acknowledged('write', parcel, version, () => spool[how](slot, bodyOf(parcel, version), version))
  }
  for (let i = below(random, 3); i >= 0; i--) await write('open', 'write')
  if (random() < 0.3) {
    // Both under way at once: the later one counts.
    const older = version + 1
    say('begin', 'write', parcel, older)
    const writing = spool.write('open', bodyOf(parcel, older), older)
    await new Promise((resolve) => setTimeout(resolve, below(random, 4)))
    version++
    await write('open', 'writeSync')
    await writing
  }
  const slot = `sealed-${turn % 3}`
  if (sealed.length === 3) {
    const [oldest] = sealed.splice(0, 1)
    await acknowledged('remove', oldest, 0, () => spool.remove(slot))
  }
  await spool.rename('open', slot)
  await write(slot, 'write')
  sealed.push(parcel)
}
