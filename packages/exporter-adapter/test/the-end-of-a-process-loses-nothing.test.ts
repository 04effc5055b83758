import type { ChildProcessWithoutNullStreams as Child } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeWhere } from '../../processor/test/support/describe-where.ts'
import { type Ended, endOf, noPid1, replayOf, total, valuesIn } from './support/ended-process.ts'

let spoolDirectory: string
beforeEach(() => {
  spoolDirectory = mkdtempSync(join(tmpdir(), 'sluice-exit-'))
})
afterEach(() => rmSync(spoolDirectory, { recursive: true }))

/** What is in the buffer, the open parcel and the sealed one. */
const RECORDED = 111
const BY_THE_SDK = 1000
const AFTERWARDS = 10_000

function killed(signal: 'SIGTERM' | 'SIGINT', receiver: 'down' | 'back', spool?: string, way = 'wait'): Promise<Ended> {
  return endOf({ way, receiver, spoolDirectory: spool }, (saying, child) => {
    if (saying === 'ready') child.kill(signal)
  })
}

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('what can be sent is sent, and the process dies of the signal', async () => {
    const ended = await killed(signal, 'back')
    expect(ended).toMatchObject({ code: null, signal, stderr: expect.not.stringContaining('lost') })
    expect(total(ended.exported)).toBe(RECORDED + BY_THE_SDK)
  })

  test('what cannot be sent is sent by the next process, once', async () => {
    const ended = await killed(signal, 'down', spoolDirectory)
    expect(ended).toMatchObject({ code: null, signal, exported: [], stderr: expect.not.stringContaining('lost') })
    expect(total((await replayOf(spoolDirectory)).exported)).toBe(RECORDED + BY_THE_SDK)
    expect((await replayOf(spoolDirectory)).exported).toEqual([])
  })

  test('without a spool it says how many points are lost', async () => {
    const ended = await killed(signal, 'down')
    expect(ended).toMatchObject({ code: null, signal, exported: [] })
    expect(ended.stderr).toContain('lost 3 points (receiver: 3)')
  })
})

describe('a signal', () => {
  test('keeps what was recorded when a callback keeps the last turn from its end', async () => {
    const ended = await killed('SIGTERM', 'down', spoolDirectory, 'wait in a callback')
    expect(ended).toMatchObject({ signal: 'SIGTERM', exported: [] })
    expect(total((await replayOf(spoolDirectory)).exported)).toBe(RECORDED)
  })

  test('that comes a second time is not kept waiting, and nothing is lost', async () => {
    const twice = endOf({ way: 'wait', receiver: 'down', spoolDirectory, timeoutMillis: 600_000 }, (saying, child) => {
      if (saying === 'ready') child.kill('SIGINT')
      if (saying === 'refused at the end') child.kill('SIGINT')
    })
    expect(await twice).toMatchObject({ signal: 'SIGINT', exported: [] })
    expect(total((await replayOf(spoolDirectory)).exported)).toBe(RECORDED + BY_THE_SDK)
  })

  test('ends a process with two readers when the last of them is done', async () => {
    const ended = await killed('SIGTERM', 'back', undefined, 'wait with another reader')
    expect(ended.signal).toBe('SIGTERM')
    expect(total(ended.exported)).toBe(RECORDED + BY_THE_SDK)
  })
})

describe('natural exit', () => {
  test('what can be sent is sent, and the exit code stays', async () => {
    const ended = await endOf({ way: 'natural', receiver: 'back' })
    expect(ended).toMatchObject({ code: 5, stderr: expect.not.stringContaining('lost') })
    expect(total(ended.exported)).toBe(RECORDED + BY_THE_SDK)
  })

  test('what cannot be sent is sent by the next process, once', async () => {
    const ended = await endOf({ way: 'natural', receiver: 'down', spoolDirectory })
    expect(ended).toMatchObject({ code: 5, exported: [], stderr: expect.not.stringContaining('lost') })
    expect(total((await replayOf(spoolDirectory)).exported)).toBe(RECORDED + BY_THE_SDK)
  })

  test('does not wait for what exporters go on with by themselves, and the exit code stays', async () => {
    const ended = await endOf({ way: 'natural', receiver: 'down for hours', spoolDirectory })
    expect(ended).toMatchObject({ code: 5, exported: [] })
    expect(total((await replayOf(spoolDirectory)).exported)).toBe(RECORDED + BY_THE_SDK)
  })

  test('does not cut short what the application does at its end', async () => {
    const ended = await endOf({ way: 'natural, with work at the end', receiver: 'down', spoolDirectory })
    expect(ended).toMatchObject({ code: 5, sayings: expect.arrayContaining(['the work at the end is done']) })
  })

  test('of two readers waits for both', async () => {
    const ended = await endOf({ way: 'natural, with another reader', receiver: 'down for hours', spoolDirectory })
    expect(ended).toMatchObject({ code: 5, sayings: expect.arrayContaining(['slow but sure']) })
  })

  test('without a spool it says how many points are lost', async () => {
    const ended = await endOf({ way: 'natural', receiver: 'down' })
    expect(ended).toMatchObject({ code: 5, exported: [] })
    expect(ended.stderr).toContain('lost 3 points (receiver: 3)')
  })
})

describe.each([
  ['process.exit(7)', 'exit', 7, ''],
  ['an uncaught exception', 'throw', 1, 'Error: the application is broken'],
  ['an unhandled rejection', 'reject', 1, 'Error: the application is broken'],
])('%s', (_, way, code, message) => {
  test('everything is sent by the next process, once; exit code and message stay', async () => {
    const ended = await endOf({ way, receiver: 'down', spoolDirectory })
    expect(ended).toMatchObject({ code, signal: null, exported: [], stderr: expect.not.stringContaining('lost') })
    expect(ended.stderr).toContain(message)
    const replayed = await replayOf(spoolDirectory)
    expect(total(replayed.exported)).toBe(RECORDED)
    expect(new Set(replayed.services)).toEqual(new Set(['shop']))
    expect((await replayOf(spoolDirectory)).exported).toEqual([])
  })

  test('without a spool it says how many points are lost', async () => {
    const ended = await endOf({ way, receiver: 'down' })
    expect(ended).toMatchObject({ code, signal: null, exported: [] })
    expect(ended.stderr).toContain(message)
    expect(ended.stderr).toContain('2 points (receiver: 2) are lost')
  })

  test('cumulative points of the last moment are sent by the next process', async () => {
    await endOf({ way, receiver: 'down', spoolDirectory, temporality: 'CUMULATIVE' })
    expect((await replayOf(spoolDirectory, 'CUMULATIVE')).exported).toEqual([RECORDED])
  })
})

test('an exception that the application survives ends nothing', async () => {
  const ended = await endOf({ way: 'throw and survive', receiver: 'down', spoolDirectory })
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: expect.not.stringContaining('lost') })
  expect(ended.sayings).toContain('survived')
  expect(total(ended.exported)).toBe(RECORDED + 1000)
  expect((await replayOf(spoolDirectory)).exported).toEqual([])
})

describe('process.exit', () => {
  test('before the first turn keeps what was recorded, with its resource', async () => {
    await endOf({ way: 'exit before the first turn', receiver: 'up', spoolDirectory })
    expect(await replayOf(spoolDirectory)).toMatchObject({ exported: [RECORDED], services: ['shop'] })
  })

  test('before the spool is open keeps what was recorded, too', async () => {
    const ended = await endOf({ way: 'exit at once', receiver: 'up', spoolDirectory })
    expect(ended).toMatchObject({ code: 7, stderr: expect.not.stringContaining('lost') })
    expect(await replayOf(spoolDirectory)).toMatchObject({ exported: [RECORDED], services: ['shop'] })
  })

  test('amid a drain keeps what was drained and what was not, each series once', async () => {
    const ended = await endOf({ way: 'exit amid a drain', receiver: 'up', spoolDirectory })
    expect(ended.code).toBe(7)
    const { absorbed } = ended.sayings.at(-1) as { absorbed: number }
    expect(absorbed).toBeLessThan(20_000)
    const { exported } = await replayOf(spoolDirectory)
    expect([exported.length, new Set(exported)]).toEqual([20_000, new Set([1])])
  })

  test('amid the fold of a collection keeps all that the SDK has handed out', async () => {
    const ended = await endOf({ way: 'exit amid a fold', receiver: 'up', spoolDirectory })
    expect(ended.code).toBe(7)
    const { folded } = ended.sayings.at(-1) as { folded: number }
    expect(folded).toBeLessThan(20_000)
    const { exported } = await replayOf(spoolDirectory)
    expect([exported.length, new Set(exported)]).toEqual([20_000, new Set([1])])
  })

  test.each(Array.from({ length: 10 }, (_, i) => 1 + 30 * i))(
    '%i ticks into deliveries: each recording arrives once',
    async (ticks) => {
      const ended = await endOf({ way: 'exit after some ticks', receiver: 'flaps', spoolDirectory, ticks })
      expect(ended.sayings.at(-1)).toEqual({ recorded: ticks })
      const replayed = await replayOf(spoolDirectory)
      expect(total(ended.exported) + total(replayed.exported)).toBe(ticks)
    },
  )
})

describe("the application's own handler of SIGTERM", () => {
  test('takes as long as it takes, while all is delivered, and decides how the process ends', async () => {
    let delivered = 0
    const ended = await endOf({ way: 'wait with a handler', receiver: 'back' }, (saying, child) => {
      if (saying === 'ready') child.kill('SIGTERM')
      if (typeof saying !== 'object') return
      delivered += total(valuesIn(saying))
      if (delivered === RECORDED + BY_THE_SDK) child.stdin.write('go')
    })
    expect(ended).toMatchObject({ code: 3, signal: null, stderr: expect.not.stringContaining('lost') })
    expect(ended.sayings).toContain('handling')
    expect(total(ended.exported)).toBe(RECORDED + BY_THE_SDK)
  })
})

describe("the application's own handler of SIGINT, when it lets the process go on,", () => {
  function survivedAndKilled(way: string, onExported?: (total: number, child: Child) => void): Promise<Ended> {
    let delivered = 0
    return endOf({ way, receiver: 'back' }, (saying, child) => {
      if (saying === 'ready') child.kill('SIGINT')
      if (saying === 'went on') child.kill('SIGTERM')
      if (typeof saying !== 'object') return
      delivered += total(valuesIn(saying))
      onExported?.(delivered, child)
    })
  }

  test('leaves a later SIGTERM to the reader, which delivers what came since', async () => {
    const ended = await survivedAndKilled('wait with a handler of SIGINT')
    expect(ended).toMatchObject({ code: null, signal: 'SIGTERM', stderr: expect.not.stringContaining('lost') })
    expect(total(ended.exported)).toBe(RECORDED + BY_THE_SDK + AFTERWARDS)
  })

  test('does not keep what came since from being delivered during a later handler of SIGTERM', async () => {
    const all = RECORDED + BY_THE_SDK + AFTERWARDS
    const ended = await survivedAndKilled('wait with handlers of both', (delivered, child) => {
      if (delivered === all) child.stdin.write('go')
    })
    expect(ended).toMatchObject({ code: 3, signal: null, stderr: expect.not.stringContaining('lost') })
    expect(total(ended.exported)).toBe(all)
  })
})

// The kernel keeps signals that nobody listens to from PID 1: raised again, this one would not end it.
describeWhere(noPid1, 'a signal to PID 1 that only the reader listens to', () => {
  test('sends what there is each time, ends neither the process nor the reader, and is told of once', async () => {
    let delivered = 0
    const ended = await endOf({ way: 'signal oneself when told', receiver: 'back', isPid1: true }, (saying, child) => {
      if (saying === 'ready') child.stdin.write('signal')
      if (typeof saying !== 'object') return
      delivered += total(valuesIn(saying))
      if (delivered === RECORDED + AFTERWARDS) child.stdin.write('signal')
      if (delivered === RECORDED + 2 * AFTERWARDS) child.stdin.write('exit')
    })
    expect(ended).toMatchObject({ code: 7, signal: null, stderr: expect.not.stringContaining('lost') })
    expect(ended.stderr.match(/SIGTERM ends PID 1 only if/g)).toHaveLength(1)
  })
})
