import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { bytes, filesUnder, openSpool, temporaryDirectory } from './support/spool-directory.ts'

const CLAIMER = fileURLToPath(new URL('./support/spool-claimer.mjs', import.meta.url))
const ROUNDS = 8
const PROCESSES = 2
const DEAD = 6

it(`${ROUNDS} times, ${PROCESSES} processes race for ${DEAD} directories, and each is claimed by exactly one`, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const directory = temporaryDirectory()
    const written: string[] = []
    for (let i = 0; i < DEAD; i++) {
      const spool = await openSpool(directory)
      await spool.write('open', bytes(`parcel ${i}`), 1)
      written.push(`parcel ${i}`)
      await spool.close()
    }
    const children = Array.from({ length: PROCESSES }, () => fork(CLAIMER, [directory]))
    await Promise.all(children.map((child) => answerOf(child)))
    const answers = children.map((child) => answerOf(child) as Promise<string[]>)
    for (const child of children) child.send('claim')
    const claimed = await Promise.all(answers)
    expect(claimed.flat().sort(), `round ${round}`).toEqual(written)
    expect(filesUnder(directory)).toEqual([])
  }
})

async function answerOf(child: ChildProcess): Promise<unknown> {
  const [answer] = await once(child, 'message')
  return answer
}
