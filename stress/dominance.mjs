// npm run test:dominance: random programs under the SDK's PeriodicExportingMetricReader and under ours, on fake time
// (stress/dominance). SLUICE_RUNS steady and wild ones each (default 20,000), from SLUICE_SEED on, each core its share.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const { SLUICE_RUNS = '20000', SLUICE_SEED = String(Math.floor(Math.random() * 2 ** 31)), SLUICE_PATH } = process.env
const shares = SLUICE_PATH === undefined ? availableParallelism() : 1
const startedMillis = performance.now()
console.log(`dominance: SLUICE_SEED=${SLUICE_SEED} SLUICE_RUNS=${SLUICE_RUNS} on ${shares} cores`)

/** What the shares say of how to run again what failed: said once more at the end. */
const commands = []

/** Says at once how far it is; what vitest says follows when it is over, share by share. */
async function linesOf(stream) {
  const rest = []
  for await (const line of createInterface({ input: stream })) {
    if (line.startsWith('dominance: to run')) commands.push(line)
    if (line.startsWith('dominance:')) console.log(line)
    else rest.push(line)
  }
  return rest
}

const results = await Promise.all(
  Array.from({ length: shares }, async (_, share) => {
    const own = {
      SLUICE_RUNS: String(Math.ceil(Number(SLUICE_RUNS) / shares)),
      SLUICE_SEED: String((Number(SLUICE_SEED) + share) % 2 ** 31),
    }
    const args = ['run', '--config', 'stress/dominance/vitest.config.ts']
    const child = spawn('vitest', args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...own },
    })
    const [output, errors, [status]] = await Promise.all([
      linesOf(child.stdout),
      linesOf(child.stderr),
      once(child, 'exit'),
    ])
    return { status, own, output: [...output, ...errors].join('\n') }
  }),
)
for (const { output } of results) console.log(output)
console.log(`dominance: took ${Math.round((performance.now() - startedMillis) / 1000)} s on ${shares} cores`)
for (const { status, own } of results) {
  if (status === 0) continue
  console.error(`dominance: failed with SLUICE_SEED=${own.SLUICE_SEED} SLUICE_RUNS=${own.SLUICE_RUNS} on one core`)
  process.exitCode = 1
}
if (process.exitCode === 1) {
  const again = `SLUICE_SEED=${SLUICE_SEED} SLUICE_RUNS=${SLUICE_RUNS} npm run test:dominance`
  console.error([`dominance: to run all of it again, on ${shares} cores: ${again}`, ...commands].join('\n'))
}
