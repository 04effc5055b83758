// How long a durable write of 1 MB takes: node spool-write.mjs DIRECTORY

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Spool } from '../../packages/exporter-adapter/dist/spool/spool.js'

const WARM_UP = 5
const ROUNDS = 40
const folder = mkdtempSync(join(process.argv[2], 'sluice-bench-'))
const body = randomBytes(1_000_000)

async function timed(write) {
  const times = []
  for (let i = 0; i < WARM_UP + ROUNDS; i++) {
    const startedMillis = performance.now()
    await write()
    if (i >= WARM_UP) times.push(performance.now() - startedMillis)
  }
  return times.toSorted((a, b) => a - b)
}

const spool = await Spool.open({ directory: folder, name: 'bench' })
const times = await timed(() => spool.write('open', body, 1))
await spool.close()
const bare = await timed(async () => {
  const file = await open(join(folder, 'bare'), 'w')
  await file.writeFile(body)
  await file.sync()
  await file.close()
})
rmSync(folder, { recursive: true })
const at = (sorted, share) => sorted[Math.floor(sorted.length * share)]
process.stdout.write(
  JSON.stringify({ p50: at(times, 0.5), p90: at(times, 0.9), longest: times.at(-1), bare: at(bare, 0.5) }),
)
