import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { EXPIRY_MILLIS } from '../src/spool/lease.ts'
import { bytes, contents, FOREIGN, openSpool, temporaryDirectory } from './support/spool-directory.ts'

const DAY = 24 * 3_600_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] })
})
afterEach(() => vi.useRealTimers())

const setClock = (byMillis: number) => vi.setSystemTime(Date.now() + byMillis)

/** What another host has written, whose clock is the same, and a spool of ours that may claim it. Neither renews by itself. */
async function pair() {
  const directory = temporaryDirectory()
  const owner = await openSpool(directory, { identity: FOREIGN })
  await owner.write('open', bytes('theirs'), 1)
  const claimer = await openSpool(directory)
  vi.clearAllTimers()
  return { owner, claimed: async () => contents(await claimer.claim()) }
}

it.each([
  ['ahead', DAY],
  ['back', -DAY],
])('what a living process has is not claimed when the clock jumps a day %s', async (_where, byMillis) => {
  const { owner, claimed } = await pair()
  setClock(byMillis)
  expect(await claimed()).toEqual([])
  vi.advanceTimersByTime(EXPIRY_MILLIS / 2)
  await owner.renew()
  vi.advanceTimersByTime(EXPIRY_MILLIS / 2)
  expect(await claimed()).toEqual([])
})

it.each([
  ['ahead', [DAY]],
  ['back', [-DAY]],
  ['ahead, and was set right again', [DAY, -DAY]],
])(
  'what a dead process has waits for no more than one lease when the clock has jumped a day %s',
  async (_where, jumps) => {
    const { claimed } = await pair()
    for (const byMillis of jumps) {
      setClock(byMillis)
      expect(await claimed()).toEqual([])
    }
    vi.advanceTimersByTime(EXPIRY_MILLIS + 1)
    expect(await claimed()).toEqual(['open=theirs/1'])
  },
)
