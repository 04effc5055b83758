import { readFileSync } from 'node:fs'
import { Agent, createServer } from 'node:http'
import { createServer as createSecureServer, Agent as SecureAgent, request as secureRequest } from 'node:https'
import { connect } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ListeningServer } from '../src/prometheus/http/listening-server.ts'
import { closeAll, GET, get, received, send, serve } from './support/scrape-server.ts'

afterEach(closeAll)

const LONG_MILLIS = 60_000

const refused = (port: number) => expect(get(port)).rejects.toThrow('ECONNREFUSED')

describe('closing', () => {
  test('ends idle connections at once, and the port is free', async () => {
    const { port, server } = await serve()
    const agent = new Agent({ keepAlive: true })
    await get(port, { agent })
    const [silent, half] = [send(port, ''), send(port, GET.slice(0, 20))].map(received)
    await get(port)
    await server.close(LONG_MILLIS)
    expect(await Promise.all([silent, half])).toEqual(['', ''])
    await refused(port)
    agent.destroy()
    await (await serve({ port })).server.close(0)
  })

  test('waits for a scrape that is under way, which ends its connection, and takes no new one', async () => {
    const { port, server, fake, requests } = await serve()
    const letGo = fake.hold()
    const scraped = get(port, { agent: new Agent({ keepAlive: true }) })
    await vi.waitFor(() => expect(fake.wanted).toHaveLength(1))
    let isClosed = false
    requests.close()
    const closed = server.close(LONG_MILLIS).then(() => {
      isClosed = true
    })
    await refused(port)
    expect(isClosed).toBe(false)
    letGo()
    expect(await scraped).toMatchObject({ status: 200, headers: { connection: 'close' }, body: 'orders_total 7\n' })
    await closed
  })

  test('does not cut off what was written to a slow client, and what it has not taken yet', async () => {
    let isWritten = false
    const { port, server } = await serve({
      onRequest: (_request, response) => {
        response.end(Buffer.alloc(16 * 1024 * 1024, 'x'))
        isWritten = true
      },
    })
    const client = send(port, GET)
    client.pause()
    await vi.waitFor(() => expect(isWritten).toBe(true))
    const closed = server.close(LONG_MILLIS)
    expect((await received(client)).match(/x+$/)?.[0]).toHaveLength(16 * 1024 * 1024)
    await closed
  })

  test('ends everything at the deadline', async () => {
    const { port, server, fake } = await serve()
    fake.hold()
    const text = received(send(port, GET))
    await vi.waitFor(() => expect(fake.wanted).toHaveLength(1))
    await server.close(20)
    expect(await text).toBe('')
    await refused(port)
  })

  test('answers what comes on an open connection meanwhile with 503', async () => {
    const { port, requests, fake } = await serve()
    requests.close()
    expect(await get(port, { agent: new Agent({ keepAlive: true }) })).toMatchObject({
      status: 503,
      headers: { connection: 'close' },
      body: 'shutting down\n',
    })
    expect(fake.wanted).toEqual([])
  })

  test('twice is once', async () => {
    const { server } = await serve()
    expect(server.close(LONG_MILLIS)).toBe(server.close(0))
    await server.close(0)
  })

  test('before it listens leaves nothing open', async () => {
    const server = new ListeningServer({
      host: 'localhost',
      port: 0,
      maxConnections: 1,
      onRequest: () => {},
      name: 'test',
    })
    const listening = server.listen()
    await server.close(LONG_MILLIS)
    await refused((await listening).port)
    const never = new ListeningServer({
      host: 'localhost',
      port: 0,
      maxConnections: 1,
      onRequest: () => {},
      name: 'test',
    })
    await never.close(LONG_MILLIS)
    await expect(never.listen()).rejects.toThrow('test: closed before it was to listen')
  })
})

test('nothing of it keeps the process alive, except a scrape', async () => {
  const open = (kind: string) => process.getActiveResourcesInfo().filter((each) => each === kind).length
  // What other tests have closed takes a turn to go.
  await vi.waitFor(() => expect(open('TCPServerWrap') + open('TCPSocketWrap')).toBe(0))
  const { port, fake } = await serve()
  const client = connect(port, '127.0.0.1').unref()
  await new Promise((resolve) => client.once('connect', resolve))
  client.resume()
  await vi.waitFor(() => expect(open('TCPSocketWrap')).toBe(0))
  expect(open('TCPServerWrap')).toBe(0)
  const letGo = fake.hold()
  client.write(GET)
  await vi.waitFor(() => expect(open('TCPSocketWrap')).toBe(1))
  letGo()
  await vi.waitFor(() => expect(open('TCPSocketWrap')).toBe(0))
  client.destroy()
})

describe('where it cannot listen, it says where and why', () => {
  test('on a port that is taken', async () => {
    const { port } = await serve()
    await expect(serve({ port, name: 'PrometheusEndpoint' })).rejects.toThrow(
      `PrometheusEndpoint: cannot listen on 127.0.0.1:${port}: something listens there already (EADDRINUSE)`,
    )
    expect((await get(port)).status).toBe(200)
  })

  test('on an address of another machine', async () => {
    await expect(serve({ host: '192.0.2.1', port: 9464 })).rejects.toThrow(
      'test: cannot listen on 192.0.2.1:9464: no interface of this machine has that address (EADDRNOTAVAIL)',
    )
  })

  test.each([
    ['EACCES', '::', 80, 'test: cannot listen on [::]:80: this process may not use that port (EACCES)'],
    ['ENOTFOUND', 'nowhere', 1, 'test: cannot listen on nowhere:1: as Node.js has it'],
  ])('for %s', async (code, host, port, message) => {
    const server = createServer()
    server.listen = () => {
      queueMicrotask(() => server.emit('error', Object.assign(new Error('as Node.js has it'), { code })))
      return server
    }
    await expect(serve({ server, host, port })).rejects.toThrow(message)
    expect(server.listenerCount('request')).toBe(0)
  })
})

describe('a server of somebody else', () => {
  test('that listens already goes on without us', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/app') response.end('app')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const mounted = await serve({
      server,
      onRequest: (request, response) => {
        if (request.url !== '/app') mounted.requests.handle(request, response)
      },
    })
    const { port } = mounted
    expect([(await get(port)).status, (await get(port, { path: '/app' })).body]).toEqual([200, 'app'])
    await mounted.server.close(LONG_MILLIS)
    expect((await get(port, { path: '/app' })).body).toBe('app')
    expect(server.listenerCount('request')).toBe(1)
    expect(server.maxConnections).toBeUndefined()
    server.close()
  })

  test('that we had listen is closed, and may listen again', async () => {
    const server = createServer()
    const { port, server: ours } = await serve({ server })
    expect(await get(port)).toMatchObject({ status: 200 })
    await ours.close(LONG_MILLIS)
    expect(server.listening).toBe(false)
    expect(['request', 'connection', 'error'].map((event) => server.listenerCount(event))).toEqual([0, 1, 0])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    server.close()
  })

  test('keeps the limits that it has', async () => {
    const server = createServer({ keepAliveTimeout: 7 })
    server.maxConnections = 3
    await serve({ server })
    expect(server).toMatchObject({ maxConnections: 3, keepAliveTimeout: 7, headersTimeout: 60_000 })
  })
})

describe('a server with TLS', () => {
  const pem = (name: string) => readFileSync(new URL(`./support/localhost-${name}.pem`, import.meta.url))
  const ca = pem('certificate')
  const secure = () => createSecureServer({ key: pem('key'), cert: ca })
  const getSecurely = (port: number, agent: SecureAgent) =>
    new Promise((resolve, reject) => {
      const request = secureRequest({ host: '127.0.0.1', port, path: '/metrics', ca, agent }, (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode))
      })
      request.on('error', reject).end()
    })

  test('answers scrapes, and ends all its connections when it is closed', async () => {
    const { port, server } = await serve({ server: secure() })
    const agent = new SecureAgent({ keepAlive: true })
    expect(await getSecurely(port, agent)).toBe(200)
    const idle = connectSecurely({ host: '127.0.0.1', port, ca })
    await new Promise((resolve) => idle.once('secureConnect', resolve))
    const ended = new Promise((resolve) => idle.once('close', resolve))
    idle.resume()
    await server.close(LONG_MILLIS)
    await ended
    agent.destroy()
  })

  test('lets a scrape end first, and one that shakes hands for ever only stay until the deadline', async () => {
    const { port, server, fake } = await serve({ server: secure() })
    const text = received(send(port, ''))
    const letGo = fake.hold()
    const scraped = getSecurely(port, new SecureAgent({ keepAlive: true }))
    await vi.waitFor(() => expect(fake.wanted).toHaveLength(1))
    const closed = server.close(200)
    letGo()
    expect(await scraped).toBe(200)
    await closed
    expect(await text).toBe('')
  })

  test('minds no client that speaks something else', async () => {
    const { port } = await serve({ server: secure() })
    await received(send(port, GET))
    expect(await getSecurely(port, new SecureAgent())).toBe(200)
  })
})
