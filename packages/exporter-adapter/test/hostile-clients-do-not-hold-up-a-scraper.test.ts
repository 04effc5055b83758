import { fork } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { largeBody } from './support/fake-scrape.ts'
import { closeAll, GET, get, received, send, serve } from './support/scrape-server.ts'
import { served } from './support/scraped.ts'

const HOSTILE_CLIENTS = fileURLToPath(new URL('./support/hostile-clients.mjs', import.meta.url))

/** Connections that servers have accepted and not closed, and the most of them at a time. */
const accepted = new Set<Socket>()
let mostAccepted = 0
const onAccepted = (message: unknown) => {
  const { socket } = message as { socket: Socket }
  // One for which there is no place is closed by now.
  if (socket.destroyed) return
  accepted.add(socket)
  for (const each of accepted) if (each.destroyed) accepted.delete(each)
  mostAccepted = Math.max(mostAccepted, accepted.size)
  socket.once('close', () => accepted.delete(socket))
}

beforeEach(() => {
  mostAccepted = 0
  subscribe('net.server.socket', onAccepted)
})

afterEach(async () => {
  unsubscribe('net.server.socket', onAccepted)
  await closeAll()
})

const LAST_GET = GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
const HOSTILE = 100
const SCRAPES = 100
const MOST_MILLIS = 100
const MOST_ROUNDS = 6

test(`a scraper among ${HOSTILE} hostile connections is answered as ever`, async () => {
  const { port, fake, server, requests } = await serve({
    maxConnections: HOSTILE + 10,
    responseTimeoutMillis: 500,
    onRequest: (request, response) => {
      fake.chunks = request.url === '/metrics?large' ? largeBody : () => [Buffer.from('orders_total 7\n')]
      requests.handle(request, response)
    },
  })
  const hostile = fork(HOSTILE_CLIENTS, [String(port), String(HOSTILE)])
  await once(hostile, 'message')
  const before = liveBytes()
  const rounds: number[] = []
  // What else the machine does may spoil a round, but hardly every one.
  while (rounds.length < MOST_ROUNDS && !(rounds.at(-1)! < MOST_MILLIS)) rounds.push(await p99OfScrapes(port))
  const grownMegabytes = (liveBytes() - before) / 2 ** 20
  hostile.send('how many?')
  const [cutOff] = await once(hostile, 'message')
  hostile.disconnect()
  await once(hostile, 'exit')
  await server.close(0)
  await vi.waitFor(() => expect(fake.releases.filter((times) => times !== 1)).toEqual([]))

  console.log(
    `${SCRAPES} scrapes among ${HOSTILE} hostile connections: p99 ${rounds.map((each) => each.toFixed(1)).join(', ')} ms; ` +
      `${fake.wanted.length} scrapes in all, ${cutOff} connections cut off, at most ${mostAccepted} open, ` +
      `${grownMegabytes.toFixed(1)} MB more`,
  )
  expect(Math.min(...rounds)).toBeLessThan(MOST_MILLIS)
  expect(mostAccepted).toBeLessThanOrEqual(HOSTILE + 10)
  expect(grownMegabytes).toBeLessThan(64)
  expect(cutOff).toBeGreaterThan(0)
  expect(fake.wanted.length).toBeGreaterThan(SCRAPES)
})

test('clients that never take their answers hold no more memory than there is for renderings, and nobody up', {
  timeout: 60_000,
}, async () => {
  const SERIES = 8_000
  const { meter, url, scrape } = await served({ reader: { cardinalityLimits: { default: SERIES + 1 } } })
  const histogram = meter.createHistogram('h')
  for (let i = 0; i < SERIES; i++) histogram.record(1, { route: `/r/${i}` })
  const { length } = (await scrape()).body
  // More than the buffers of a connection take.
  expect(length).toBeGreaterThan(8 * 2 ** 20)
  const before = liveBytes()
  const clients: Socket[] = []
  let grown = 0
  while (clients.length < 16) {
    clients.push(send(Number(new URL(url).port), GET).pause())
    expect((await scrape()).status).toBe(200)
    grown = Math.max(grown, liveBytes() - before)
  }
  for (const client of clients) client.destroy()
  // 64 MiB, what two have that come at a time, and chunks that are kept.
  expect(grown).toBeLessThan((64 + 16) * 2 ** 20 + 2 * length)
})

test('a client that takes nothing for a second loses its place to one that has none, one that takes little does not', async () => {
  const { port, fake } = await serve({ maxConcurrentScrapes: 3 })
  fake.chunks = largeBody
  const clients: Socket[] = []
  const openOne = async () => {
    const before = fake.releases.length
    clients.push(send(port, GET).pause())
    await vi.waitFor(() => expect(fake.releases).toHaveLength(before + 1))
  }
  const getsAPlace = () =>
    vi.waitFor(async () => expect((await get(port)).status).toBe(200), { timeout: 10_000, interval: 100 })
  while (clients.length < 3) await openOne()
  const slow = clients[2]!
  const takesLittle = setInterval(() => slow.once('data', () => slow.pause()).resume(), 10)
  expect(await get(port)).toMatchObject({ status: 503, body: '3 scrapes are under way already\n' })
  fake.chunks = () => [Buffer.from('orders_total 7\n')]
  await getsAPlace()
  // No more than were needed.
  expect(fake.releases.slice(0, 3)).toEqual([1, 0, 0])
  fake.chunks = largeBody
  await openOne()
  fake.chunks = () => [Buffer.from('orders_total 7\n')]
  await getsAPlace()
  expect(fake.releases.slice(0, 3)).toEqual([1, 1, 0])
  clearInterval(takesLittle)
  for (const client of clients) client.destroy()
})

test('a connection beyond the limit takes the place of the one that has been idle for the longest', async () => {
  const { port } = await serve({ maxConnections: 3 })
  const clients: Socket[] = []
  const closed: number[] = []
  const open = async () => {
    const number = clients.length
    const client = send(port, GET)
    clients.push(client)
    await once(client, 'data')
    client.on('close', () => closed.push(number))
    client.on('end', () => client.destroy()).resume()
  }
  for (let each = 0; each < 3; each++) await open()
  // It is no longer the one that did nothing for the longest.
  clients[0]!.write(GET)
  await once(clients[0]!, 'data')
  await open()
  await vi.waitFor(() => expect(closed).toEqual([1]))
  await open()
  await vi.waitFor(() => expect(closed).toEqual([1, 2]))
  for (const client of clients) client.destroy()
})

test('idle connections, however many, keep no scraper out', async () => {
  const { port } = await serve({ maxConnections: 10 })
  const silent = Array.from({ length: 30 }, () => send(port, ''))
  await vi.waitFor(() => expect(accepted.size).toBe(10))
  expect((await get(port)).status).toBe(200)
  for (const client of silent) client.destroy()
})

test('where all connections wait for a response, those beyond the limit are closed at once, and make no request', async () => {
  const { port, fake } = await serve({ maxConnections: 10 })
  const letGo = fake.hold()
  let ended = 0
  const texts = Array.from({ length: 30 }, async () => {
    const text = await received(send(port, LAST_GET))
    ended++
    return text
  })
  await vi.waitFor(() => expect(ended).toBe(20))
  await vi.waitFor(() => expect(fake.wanted).toHaveLength(10))
  letGo()
  expect((await Promise.all(texts)).filter((text) => text !== '')).toHaveLength(10)
  expect(mostAccepted).toBe(10)
  expect((await get(port)).status).toBe(200)
})

test('a connection that sends requests ahead without end is cut off', async () => {
  const { port, fake } = await serve()
  await received(send(port, GET.repeat(2_000)))
  expect(fake.wanted.length).toBeLessThanOrEqual(100)
  await vi.waitFor(() => expect(fake.releases).toEqual(fake.wanted.map(() => 1)))
  const text = await received(send(port, GET.repeat(50) + LAST_GET))
  expect(text.match(/^HTTP\/1.1 200 OK\r$/gm)).toHaveLength(51)
})

test('a connection that does not get to its request is cut off within seconds', async () => {
  const { port } = await serve()
  const started = performance.now()
  const silent = ['', GET.slice(0, -2), GET + GET.slice(0, -2)].map((text) => received(send(port, text)))
  for (const text of await Promise.all(silent)) {
    expect(text).toMatch(/HTTP\/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n$/)
  }
  expect(performance.now() - started).toBeLessThan(10_000)
})

/** The 99th percentile of what scrapes take, one after the other, in ms. */
async function p99OfScrapes(port: number): Promise<number> {
  const millis: number[] = []
  while (millis.length < SCRAPES) {
    const started = performance.now()
    expect(await get(port)).toMatchObject({ status: 200, body: 'orders_total 7\n' })
    millis.push(performance.now() - started)
  }
  return millis.sort((one, other) => one - other)[Math.ceil(0.99 * SCRAPES) - 1]!
}

function liveBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
