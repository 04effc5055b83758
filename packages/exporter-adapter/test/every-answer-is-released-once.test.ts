import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { FakeScrape, largeBody } from './support/fake-scrape.ts'
import { closeAll, GET, get, received, send, serve } from './support/scrape-server.ts'

afterEach(closeAll)

const LARGE = GET.replace('/metrics', '/metrics?large')

/** A client that leads requests to an end, and has seen it when this resolves. */
type Ending = (served: { port: number; fake: FakeScrape }) => Promise<unknown>

/** Connects, and leaves once so many scrapes wait for it. */
const leavesWhileScraping =
  (text: string, scrapes: number, leave: (socket: ReturnType<typeof send>) => void): Ending =>
  async ({ port, fake }) => {
    const before = fake.wanted.length
    const letGo = fake.hold()
    const client = send(port, text)
    await vi.waitFor(() => expect(fake.wanted.length).toBeGreaterThanOrEqual(before + scrapes))
    leave(client)
    letGo()
    return received(client)
  }

/** Takes the beginning of a response that is too large for the buffers between, and leaves. */
const leavesWhileReading =
  (leave: (socket: ReturnType<typeof send>) => void): Ending =>
  async ({ port }) => {
    const client = send(port, LARGE)
    await new Promise((resolve) => client.once('data', resolve))
    leave(client)
    return received(client)
  }

/** Asks, and takes nothing of what comes. */
const neverReads =
  (text: string): Ending =>
  async ({ port, fake }) => {
    const before = fake.wanted.length
    const client = send(port, text)
    client.pause()
    await vi.waitFor(() => expect(fake.wanted.length).toBeGreaterThan(before))
    await vi.waitFor(() => expectReleased(fake), 10_000)
    client.destroy()
  }

const endings: Record<string, Ending> = {
  'is taken': async ({ port }) => get(port),
  'has no body, for HEAD': async ({ port }) => get(port, { method: 'HEAD' }),
  'is large and taken': async ({ port }) => {
    const { body } = await get(port, { path: '/metrics?large' })
    expect(body.length).toBe(64 * 1024 * 1024)
  },
  'is one of several of a connection': ({ port }) =>
    received(send(port, GET + GET + GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))),
  'is not waited for': leavesWhileScraping(GET, 1, (client) => client.destroy()),
  'is not waited for, with a reset': leavesWhileScraping(GET, 1, (client) => client.resetAndDestroy()),
  'is not waited for, with half a connection closed': leavesWhileScraping(GET, 1, (client) => client.end()),
  'would be one of several, and is not waited for': leavesWhileScraping(GET + GET, 2, (client) => client.destroy()),
  'is given up half way': leavesWhileReading((client) => client.destroy()),
  'is given up half way, with a reset': leavesWhileReading((client) => client.resetAndDestroy()),
  'is never taken': neverReads(LARGE),
  'waits behind one that is never taken': neverReads(LARGE + GET),
}

async function served(limits: { maxConcurrentScrapes: number; responseTimeoutMillis: number }) {
  const all = await serve({
    ...limits,
    onRequest: (request, response) => {
      all.fake.chunks = request.url === '/metrics?large' ? largeBody : () => [Buffer.from('small\n')]
      all.requests.handle(request, response)
    },
  })
  return all
}

function expectReleased({ wanted, releases }: FakeScrape): void {
  expect(releases).toEqual(wanted.map(() => 1))
}

test.each(Object.keys(endings))('an answer that %s is released once, and leaves its place', async (name) => {
  const responseTimeoutMillis = name.includes('never taken') ? 200 : 20_000
  const all = await served({ maxConcurrentScrapes: 3, responseTimeoutMillis })
  const { port, fake } = all
  await endings[name]!(all)
  await vi.waitFor(() => expectReleased(fake), 10_000)
  const before = fake.wanted.length
  expect(before).toBeGreaterThan(0)

  const letGo = fake.hold()
  const others = [get(port), get(port), get(port)]
  await vi.waitFor(() => expect(fake.wanted).toHaveLength(before + 3))
  letGo()
  expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200, 200])
  await closeAll()
  expectReleased(fake)
})

test('all answers are released once, however many end in whatever ways at a time', async () => {
  const names = Object.keys(endings).filter((name) => name !== 'is large and taken')
  const manyEndings = fc.array(fc.constantFrom(...names), { minLength: 2, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(manyEndings, async (chosen) => {
      const all = await served({ maxConcurrentScrapes: 100, responseTimeoutMillis: 200 })
      await Promise.all(chosen.map((name) => endings[name]!(all)))
      await vi.waitFor(() => expectReleased(all.fake), 10_000)
      await closeAll()
      expectReleased(all.fake)
    }),
    { numRuns: 10 },
  )
})

test('an answer that the end of the server cuts off is released once', async () => {
  const { port, fake, server } = await serve()
  fake.chunks = largeBody
  const client = send(port, GET)
  client.pause()
  await vi.waitFor(() => expect(fake.releases).toEqual([0]))
  await server.close(0)
  await vi.waitFor(() => expectReleased(fake))
  client.destroy()
})

test('an answer that comes after somebody else has answered is released once', async () => {
  const { port, fake, requests } = await serve({
    onRequest: (request, response) => {
      requests.handle(request, response)
      response.end('too slow')
      letGo()
    },
  })
  const letGo = fake.hold()
  expect((await get(port)).body).toBe('too slow')
  await vi.waitFor(() => expectReleased(fake))
})

test('the bytes of an answer may be used again once it is released, and the client has got the right ones', async () => {
  const fake = new FakeScrape()
  fake.chunks = () => Array.from({ length: 32 }, () => Buffer.alloc(512 * 1024, 'x'))
  const { port } = await serve({
    scrape: async (wanted) => {
      const answer = await fake.scrape(wanted)
      const release = () => {
        for (const chunk of answer.chunks) chunk.fill(0)
        answer.release()
      }
      return { ...answer, release }
    },
  })
  const client = send(port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  client.pause()
  await vi.waitFor(() => expect(fake.releases).toHaveLength(1))
  const text = await received(client)
  expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe('x'.repeat(16 * 1024 * 1024))
  await vi.waitFor(() => expectReleased(fake))
})
