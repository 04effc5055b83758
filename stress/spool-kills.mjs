// Processes that die: node spool-kills.mjs [KILLS]. A victim writes to its spool and is killed, half of the times before the
// n-th call of the file system, for every n, and half of the times at a random moment; the next one goes on in the same
// directory. After each kill everything that was acknowledged has to be there, once, as it was or newer.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { below, randomOf, seed } from './spool/random.mjs'
import { Survivors } from './spool/survivors.mjs'

const KILLS = Number(process.argv[2] ?? 500)
/** Two victims at a time, each with a directory and a successor of its own. */
const CHAINS = 2
const LONGEST_LIFE_MILLIS = 60
const VICTIM = fileURLToPath(new URL('./spool/victim.mjs', import.meta.url))

const random = randomOf(seed)
const counts = {}
const kills = { atCall: 0, atRandom: 0 }
let lives = 0
let broken = 0
const started = performance.now()

async function chain() {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-kills-'))
  const survivors = new Survivors(directory)
  try {
    while (lives < KILLS) {
      const life = lives++
      await dieOnce(directory, survivors, life, life % 2 === 0 ? life / 2 : undefined)
      await survivors.check()
    }
  } finally {
    for (const [what, count] of Object.entries(survivors.counts)) counts[what] = (counts[what] ?? 0) + count
    rmSync(directory, { recursive: true })
  }
}

async function dieOnce(directory, survivors, life, call) {
  const args = [VICTIM, directory, life, below(random, 2 ** 31), ...(call === undefined ? [] : [call])]
  const victim = spawn(process.execPath, args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: victim.stdout })
  const millis = random() * LONGEST_LIFE_MILLIS
  let counting = call === undefined
  lines.on('line', (line) => {
    survivors.hear(line)
    if (counting) setTimeout(() => victim.kill('SIGKILL'), millis)
    counting = false
  })
  const [[, signal]] = await Promise.all([once(victim, 'exit'), once(lines, 'close')])
  if (signal !== 'SIGKILL') broken++
  else if (call === undefined) kills.atRandom++
  else kills.atCall++
}

console.log(`spool kills: seed ${seed}`)
await Promise.all(Array.from({ length: CHAINS }, chain))
const { acknowledged, ...found } = counts
const failures = { ...found, broken }
const seconds = ((performance.now() - started) / 1000).toFixed(0)
console.log(
  `spool kills: ${kills.atCall} before a call of the file system (each from 0 to ${Math.ceil(KILLS / 2) - 1}), ` +
    `${kills.atRandom} at random, ${acknowledged} operations acknowledged, ${seconds} s`,
)
console.log(
  `spool kills: ${Object.entries(failures)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ')}`,
)
process.exit(Object.values(failures).every((count) => count === 0) ? 0 : 1)
