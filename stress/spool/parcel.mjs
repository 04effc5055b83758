// A body that says which version of which parcel it is, and is longer or shorter with each version.
import { randomOf } from './random.mjs'

export function bodyOf(parcel, version) {
  const head = Buffer.from(`${parcel} ${version}\n`)
  const random = randomOf(hash(`${parcel} ${version}`))
  const filler = Buffer.allocUnsafe(4 * Math.floor(random() * 5_000))
  for (let at = 0; at < filler.length; at += 4) filler.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return Buffer.concat([head, filler])
}

/** `undefined` if it is not exactly what was written. */
export function parcelOf(body) {
  const bytes = Buffer.from(body)
  const [, parcel, version] = /^(\S+) (\d+)\n/.exec(bytes.toString('latin1', 0, 100)) ?? []
  if (version === undefined || !bytes.equals(bodyOf(parcel, Number(version)))) return undefined
  return { parcel, version: Number(version) }
}

function hash(text) {
  let value = 2166136261
  for (const char of text) value = Math.imul(value ^ char.charCodeAt(0), 16777619)
  return value
}
