import { Agent, createServer } from 'node:http'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ScrapeRequests } from '../src/prometheus/http/scrape-requests.ts'
import { FakeScrape, largeBody } from './support/fake-scrape.ts'
import { closeAll, GET, get, received, send, serve } from './support/scrape-server.ts'

afterEach(closeAll)

describe('a scrape', () => {
  test('is answered with what it says, for nobody else to keep', async () => {
    const { port, fake } = await serve()
    const headers = { accept: 'application/openmetrics-text', 'accept-encoding': 'gzip' }
    const answer = await get(port, { headers })
    expect(answer).toMatchObject({ status: 200, body: 'orders_total 7\n' })
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'content-length': '15',
      vary: 'Accept, Accept-Encoding',
      'cache-control': 'no-store',
    })
    expect(answer.headers).not.toHaveProperty('content-encoding')
    expect(fake.wanted).toEqual([
      { accept: 'application/openmetrics-text', acceptEncoding: 'gzip', timeoutMillis: 10_000 },
    ])
  })

  test('says when it is gzipped', async () => {
    const { port, fake } = await serve()
    fake.extras = { contentEncoding: 'gzip' }
    expect((await get(port)).headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': '15' })
    expect(fake.wanted[0]).toMatchObject({ accept: undefined, acceptEncoding: undefined })
  })

  test('may be empty', async () => {
    const { port, fake } = await serve()
    fake.chunks = () => []
    expect(await get(port)).toMatchObject({ status: 200, headers: { 'content-length': '0' }, body: '' })
  })

  test('with HEAD has the headers of GET, and no body', async () => {
    const { port, fake } = await serve()
    const { date: _, ...headers } = (await get(port)).headers
    const answer = await get(port, { method: 'HEAD' })
    expect(answer).toMatchObject({ status: 200, headers, body: '' })
    expect(fake.wanted).toHaveLength(2)
  })

  test('is written no faster than the client takes it', async () => {
    const { port, fake } = await serve()
    let taken = 0
    const chunks = largeBody()
    fake.chunks = () =>
      new Proxy(chunks, {
        get: (target, index) => {
          // Adding up their lengths asks for all of them too, but before the answer is there.
          if (fake.releases.length > 0 && typeof index === 'string' && /^\d+$/.test(index)) taken = Number(index) + 1
          return Reflect.get(target, index)
        },
      })
    const client = send(port, GET)
    client.pause()
    await vi.waitFor(() => expect(taken).toBeGreaterThan(0))
    await new Promise(setImmediate)
    expect(taken).toBeLessThan(chunks.length)
    client.destroy()
  })

  test('finds its path with any query', async () => {
    const { port } = await serve()
    expect((await get(port, { path: '/metrics?name[]=a/b' })).status).toBe(200)
  })

  test.each([
    ['http://test/metrics', 200],
    ['HTTPS://test:9464/metrics?x=/', 200],
    ['http://test/', 404],
    ['http://test', 404],
    ['http://test/nope?/metrics', 404],
    ['http://test?/metrics', 404],
    ['http:///metrics', 404],
    ['ftp://test/metrics', 404],
    ['/http://test/metrics', 404],
    ['test/metrics', 400],
  ])('for the target %s, as a proxy would write it, is answered with %i', async (target, status) => {
    const { port } = await serve()
    const text = await received(send(port, `GET ${target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`))
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  test('shares a connection with the next one', async () => {
    const { port } = await serve()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const sockets = new Set<unknown>()
    agent.on('free', (socket) => sockets.add(socket))
    for (let each = 0; each < 3; each++) expect((await get(port, { agent })).status).toBe(200)
    expect(sockets.size).toBe(1)
    agent.destroy()
  })
})

describe('nothing is scraped', () => {
  const refused = async (options: Parameters<typeof get>[1]) => {
    const { port, fake } = await serve()
    const answer = await get(port, options)
    expect(fake.wanted).toEqual([])
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'content-length': String(answer.body.length),
    })
    return answer
  }

  test.each(['/', '/metrics/', '/metricsx', '/Metrics', '//metrics', '/x/metrics', '/?/metrics', '/%6detrics'])(
    'at the path %s',
    async (path) => {
      expect(await refused({ path })).toMatchObject({ status: 404, body: 'no metrics at this path\n' })
    },
  )

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'])('with %s', async (method) => {
    const answer = await refused({ method })
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' }, body: 'only GET and HEAD\n' })
  })

  test.each([
    ['GET with a length', `${GET.trimEnd()}\r\nContent-Length: 2\r\n\r\nhi`, 413],
    ['GET with a length of no end', `${GET.trimEnd()}\r\nContent-Length: 9007199254740993\r\n\r\nhi`, 413],
    ['GET in pieces', `${GET.trimEnd()}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, 413],
    ['GET that asks whether to go on', `${GET.trimEnd()}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n`, 413],
    ['POST', 'POST /metrics HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi', 405],
    ['POST elsewhere', 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi', 404],
  ])('from a body, which ends the connection: %s', async (_what, request, status) => {
    const { port, fake } = await serve()
    const text = await received(send(port, request))
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(text).toMatch(/^connection: close\r$/im)
    expect(text).not.toContain('100 Continue')
    expect(fake.wanted).toEqual([])
  })

  test('for an empty body nobody minds', async () => {
    const { port } = await serve()
    expect((await get(port, { headers: { 'content-length': 0 } })).status).toBe(200)
  })
})

test.each([
  ['404', 'GET /nope HTTP/1.1\r\nHost: test\r\n\r\n', true],
  ['405', 'PUT /metrics HTTP/1.1\r\nHost: test\r\n\r\n', true],
  ['401', GET, false],
])('whoever gets %s loses the connection', async (status, request, isAllowed) => {
  const { port } = await serve({ authorize: () => isAllowed })
  const text = await received(send(port, request))
  expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(text).toMatch(/^connection: close\r$/im)
})

describe('what is not HTTP is answered as Node.js does, and closed', () => {
  test.each([
    ['a word', 'hello\r\n\r\n', 400],
    ['a request without a host', 'GET /metrics HTTP/1.1\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['two lengths', `${GET.trimEnd()}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
    ['headers of more than 8 KB', `${GET.trimEnd()}\r\nX-Huge: ${'y'.repeat(8 * 1024)}\r\n\r\n`, 431],
  ])('%s', async (_what, text, status) => {
    const { port } = await serve()
    expect(await received(send(port, text))).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect((await get(port)).status).toBe(200)
  })
})

describe('mounted in a server of somebody else', () => {
  test('any path is right, also one that a router has cut short', async () => {
    const fake = new FakeScrape()
    const requests = new ScrapeRequests({
      scrape: fake.scrape,
      path: undefined,
      maxConcurrentScrapes: 1,
      scrapeTimeoutMillis: 1_000,
    })
    const server = createServer((request, response) => {
      request.url = '/'
      requests.handle(request, response)
    })
    const { port } = await serve({ server, onRequest: () => {} })
    expect((await get(port, { path: '/anything' })).status).toBe(200)
    const agent = new Agent({ keepAlive: true })
    const refused = await get(port, { path: '/anything', method: 'PUT', agent })
    expect(refused).toMatchObject({ status: 405, headers: { connection: 'keep-alive' } })
    agent.destroy()
  })

  test('an answer that another listener has given stays', async () => {
    const { port, fake } = await serve({
      server: createServer((_request, response) => {
        response.end('of another')
      }),
    })
    expect(await get(port)).toMatchObject({ status: 200, body: 'of another' })
    expect(fake.releases.every((times) => times === 1)).toBe(true)
  })
})
