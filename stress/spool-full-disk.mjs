// A disk that is full, or read-only: node spool-full-disk.mjs. On a tmpfs of a few MB, where one may be mounted: writes that do not fit
// leave what was there, the lease is renewed all the same, and all goes on when there is room again.
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Spool } from '../packages/exporter-adapter/dist/spool/spool.js'
import { bodyOf, parcelOf } from './spool/parcel.mjs'
import { below, randomOf, seed } from './spool/random.mjs'

const ROUNDS = 300
const random = randomOf(seed)
const mounted = mkdtempSync(join(tmpdir(), 'sluice-full-'))
try {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mounted], { stdio: 'pipe' })
} catch (error) {
  console.log(
    `spool full disk: skipped, no tmpfs can be mounted here (${String(error.stderr ?? error.message).trim()})`,
  )
  rmdirSync(mounted)
  process.exit(0)
}

const counts = { refused: 0, written: 0, renewed: 0, readOnly: 0 }
const failures = { unexpected: 0, wrongContent: 0, noRecovery: 0, notRenewed: 0 }
try {
  console.log(`spool full disk: seed ${seed}`)
  await run()
} finally {
  execFileSync('umount', [mounted])
  rmdirSync(mounted)
}
const shown = (numbers) =>
  Object.entries(numbers)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ')
console.log(`spool full disk: ${ROUNDS} rounds: ${shown(counts)}`)
console.log(`spool full disk: ${shown(failures)}`)
const isSound = Object.values(failures).every((count) => count === 0)
process.exit(isSound && counts.refused > 0 && counts.written > 0 ? 0 : 1)

async function run() {
  const ballast = join(mounted, 'ballast')
  let now = Date.now()
  let spool = await Spool.open({ directory: join(mounted, 'spool'), name: 'full', now: () => now })
  const held = new Map()
  let version = 0
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 3 === 0) fill(ballast)
    const slot = `slot-${below(random, 4)}`
    const write = random() < 0.5 ? 'write' : 'writeSync'
    version++
    try {
      // The cap of the spool is far beyond the disk.
      await spool[write](slot, Buffer.concat(Array(1 + below(random, 8)).fill(bodyOf(slot, version))), version)
      held.set(slot, version)
      counts.written++
    } catch (error) {
      if (error.code === 'ENOSPC') counts.refused++
      else unexpected(error)
    }
    now += 20_000
    try {
      await spool.renew()
      counts.renewed++
    } catch (error) {
      failures.notRenewed++
      unexpected(error)
    }
    if (round % 3 === 1) {
      rmSync(ballast, { force: true })
      try {
        await spool.write('slot-0', bodyOf('slot-0', ++version), version)
        held.set('slot-0', version)
      } catch (error) {
        failures.noRecovery++
        unexpected(error)
      }
    }
    if (round % 30 === 29) spool = await reopened(spool, held, () => now)
  }
  for (const slot of held.keys()) await spool.remove(slot)
  await readOnly(spool)
}

/** The same where the file system turns read-only, and back. */
async function readOnly(spool) {
  await spool.write('slot-0', bodyOf('slot-0', 1), 1)
  execFileSync('mount', ['-o', 'remount,ro', mounted])
  for (const write of ['write', 'writeSync']) {
    try {
      await spool[write]('slot-0', bodyOf('slot-0', 2), 2)
      failures.wrongContent++
    } catch (error) {
      if (error.code === 'EROFS') counts.readOnly++
      else unexpected(error)
    }
  }
  execFileSync('mount', ['-o', 'remount,rw', mounted])
  await spool.write('slot-1', bodyOf('slot-1', 3), 3)
  const held = new Map([
    ['slot-0', 1],
    ['slot-1', 3],
  ])
  const now = () => Date.now()
  await (await reopened(spool, held, now)).close()
}

/** What is there is what was acknowledged, seen by the next one. */
async function reopened(spool, held, now) {
  await spool.close()
  const next = await Spool.open({ directory: join(mounted, 'spool'), name: 'full', now })
  const found = new Map()
  for (const entry of await next.claim()) {
    const body = await entry.read()
    const once = bodyOf(entry.slot, entry.points)
    const isWhole = parcelOf(body.subarray(0, once.length)) !== undefined && body.length % once.length === 0
    found.set(entry.slot, isWhole ? entry.points : 'broken')
    await entry.remove()
  }
  for (const slot of new Set([...held.keys(), ...found.keys()])) {
    if (found.get(slot) !== held.get(slot)) failures.wrongContent++
  }
  held.clear()
  return next
}

function fill(path) {
  for (let size = 65_536; size >= 512; size /= 2) {
    try {
      for (;;) appendFileSync(path, Buffer.alloc(size))
    } catch {
      // Full, as far as pieces of this size are concerned.
    }
  }
}

function unexpected(error) {
  failures.unexpected++
  console.error(error)
}
