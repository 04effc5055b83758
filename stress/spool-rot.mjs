// Bytes that rot: node spool-rot.mjs [MUTATIONS]. Entries are changed in every way that comes to mind; none may be accepted,
// none may be taken for a newer format, and nothing may throw.
import { decodeEntry, encodeEntry, HEADER_BYTES } from '../packages/exporter-adapter/dist/spool/spool-format.js'
import { below, randomOf, seed } from './spool/random.mjs'

const MUTATIONS = Number(process.argv[2] ?? 1_000_000)
const random = randomOf(seed)
const upTo = (end) => below(random, end)

function anyEntry() {
  const size = random() < 0.02 ? upTo(65_536) : upTo(600)
  const body = Buffer.alloc(size)
  // Half of the bodies have long runs of zeros, as counts have.
  const density = random() < 0.5 ? 1 : 0.2
  for (let at = 0; at < size; at++) if (random() < density) body[at] = upTo(256)
  return Buffer.from(encodeEntry(body, upTo(2 ** 32)))
}

/** Somewhere in the bytes, half of the times in the header. */
const somewhere = (bytes) => (random() < 0.5 ? upTo(Math.min(HEADER_BYTES, bytes.length)) : upTo(bytes.length))

const WAYS = {
  flips(bytes) {
    for (let i = upTo(8); i >= 0; i--) bytes[somewhere(bytes)] ^= 1 << upTo(8)
    return bytes
  },
  truncation: (bytes) => bytes.subarray(0, upTo(bytes.length)),
  extension: (bytes) => Buffer.concat([bytes, random() < 0.5 ? Buffer.alloc(1 + upTo(100)) : anyEntry()]),
  swap(bytes) {
    const [a, b] = [somewhere(bytes), somewhere(bytes)]
    ;[bytes[a], bytes[b]] = [bytes[b], bytes[a]]
    return bytes
  },
  blockSwap(bytes) {
    const length = 1 + upTo(Math.max(1, bytes.length >> 2))
    const [a, b] = [upTo(bytes.length - length + 1), upTo(bytes.length - length + 1)]
    const block = Buffer.from(bytes.subarray(a, a + length))
    bytes.copyWithin(a, b, b + length)
    block.copy(bytes, b)
    return bytes
  },
  zeros(bytes) {
    const at = somewhere(bytes)
    return bytes.fill(0, at, Math.min(bytes.length, at + 1 + upTo(64)))
  },
  noise(bytes) {
    const at = somewhere(bytes)
    for (let i = Math.min(bytes.length, at + 1 + upTo(64)) - 1; i >= at; i--) bytes[i] = upTo(256)
    return bytes
  },
  number(bytes) {
    bytes.writeUInt32LE(random() < 0.5 ? upTo(4) : upTo(2 ** 32), 8 + 4 * upTo(5))
    return bytes
  },
  splice(bytes) {
    const other = anyEntry()
    const spliced = Buffer.concat([bytes.subarray(0, somewhere(bytes)), other.subarray(somewhere(other))])
    // All of the other is what somebody wrote, and not rot.
    return spliced.equals(other) ? bytes : spliced
  },
  deletion(bytes) {
    const at = somewhere(bytes)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + upTo(16))])
  },
}

console.log(`spool rot: seed ${seed}`)
const started = performance.now()
const ways = Object.entries(WAYS)
const counts = Object.fromEntries(ways.map(([name]) => [name, 0]))
const failures = { accepted: 0, newer: 0, thrown: 0, refusedThoughSound: 0 }
let entry = anyEntry()
for (let made = 0; made < MUTATIONS; ) {
  if (made % 50 === 0) {
    entry = anyEntry()
    if (decodeEntry(entry).type !== 'entry') failures.refusedThoughSound++
  }
  const [name, mutate] = ways[upTo(ways.length)]
  const mutated = mutate(Buffer.from(entry))
  // A change that changes nothing is none.
  if (mutated.equals(entry)) continue
  made++
  counts[name]++
  try {
    const { type } = decodeEntry(mutated)
    if (type === 'entry') failures.accepted++
    if (type === 'newer') failures.newer++
  } catch {
    failures.thrown++
  }
}

const seconds = ((performance.now() - started) / 1000).toFixed(0)
console.log(
  `spool rot: ${MUTATIONS} mutations in ${seconds} s: ${Object.entries(counts)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ')}`,
)
console.log(
  `spool rot: ${Object.entries(failures)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ')}`,
)
// Not process.exit(): right after so much work it may wait for ever for a compiler thread (nodejs/node#54918).
process.exitCode = Object.values(failures).every((count) => count === 0) ? 0 : 1
