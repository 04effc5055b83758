// Packs what users would install and asks publint and attw what they think of it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const packed = mkdtempSync(join(tmpdir(), 'sluice-packed-'))
const run = (command, ...args) =>
  execFileSync(command, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' })

try {
  for (const name of ['processor', 'exporter-adapter']) {
    run('npx', '--yes', 'pnpm@10.34.9', '--dir', `packages/${name}`, 'pack', '--pack-destination', packed)
  }
  for (const tarball of readdirSync(packed)) {
    for (const [tool, ...args] of [
      ['publint', '--strict'],
      ['attw', '--profile', 'esm-only', '--no-emoji'],
    ]) {
      try {
        run(tool, join(packed, tarball), ...args)
        console.log(`${tool}: ${tarball} is fine`)
      } catch (error) {
        console.error(error.stdout ?? error)
        console.error(`${tool} objects to ${tarball}; see above.`)
        process.exitCode = 1
      }
    }
  }
} finally {
  rmSync(packed, { recursive: true })
}
