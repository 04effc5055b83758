import { afterEach, describe, expect, test, vi } from 'vitest'
import { closeAll, GET, get, send, serve } from './support/scrape-server.ts'

afterEach(closeAll)

describe('a scrape that fails', () => {
  test.each([
    ['rejects', () => Promise.reject(new Error('the reader is not registered'))],
    [
      'throws',
      () => {
        throw new Error('the reader is not registered')
      },
    ],
  ])('when it %s gets 503 with the message and nothing else', async (_how, scrape) => {
    const { port } = await serve({ scrape })
    expect(await get(port)).toMatchObject({
      status: 503,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
      body: 'the reader is not registered\n',
    })
  })

  test('gives no secret of its error away', async () => {
    const { port } = await serve({ scrape: () => Promise.reject(new Error('GET https://joe:S3CRET@host/ failed')) })
    expect((await get(port)).body).toBe('GET https://[redacted]@host/ failed\n')
  })

  test('with HEAD has the status and no body', async () => {
    const { port } = await serve({ scrape: () => Promise.reject(new Error('no')) })
    expect(await get(port, { method: 'HEAD' })).toMatchObject({ status: 503, body: '' })
  })

  test('frees its place for the next one', async () => {
    let scrapes = 0
    const { port } = await serve({
      scrape: () => Promise.reject(new Error(`no ${++scrapes}`)),
      maxConcurrentScrapes: 1,
    })
    expect((await get(port)).body).toBe('no 1\n')
    expect((await get(port)).body).toBe('no 2\n')
  })

  test('because its content type is no header gets 503 and is released', async () => {
    const { port, fake } = await serve()
    fake.extras = { contentType: 'text\nplain' }
    expect((await get(port)).status).toBe(503)
    await vi.waitFor(() => expect(fake.releases).toEqual([1]))
  })
})

describe('beyond the limit of scrapes at a time', () => {
  test('a scrape gets 503 and when to come again, and the others are answered', async () => {
    const { port, fake } = await serve({ maxConcurrentScrapes: 2 })
    const letGo = fake.hold()
    const held = [get(port), get(port)]
    await vi.waitFor(() => expect(fake.wanted).toHaveLength(2))
    expect(await get(port)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: '2 scrapes are under way already\n',
    })
    letGo()
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200])
    await vi.waitFor(async () => expect((await get(port)).status).toBe(200))
  })

  type Client = ReturnType<typeof send>
  test.each([
    ['closes', 1, (client: Client) => client.destroy()],
    ['resets', 1, (client: Client) => client.resetAndDestroy()],
    ['ends', 1, (client: Client) => client.end()],
    ['closes', 3, (client: Client) => client.destroy()],
    ['resets', 3, (client: Client) => client.resetAndDestroy()],
    ['ends', 3, (client: Client) => client.end()],
  ])('a client that %s a connection with %i requests that wait makes room at once', async (_how, requests, leave) => {
    const { port, fake } = await serve({ maxConcurrentScrapes: requests })
    const letGo = fake.hold()
    const client = send(port, GET.repeat(requests))
    await vi.waitFor(() => expect(fake.wanted).toHaveLength(requests))
    expect((await get(port)).status).toBe(503)
    leave(client)
    const others: ReturnType<typeof get>[] = []
    while (fake.wanted.length < 2 * requests) {
      const other = get(port)
      const before = fake.wanted.length
      const isScraped = vi.waitFor(() => expect(fake.wanted).toHaveLength(before + 1))
      // As long as there is no room, it is refused.
      const answer = await Promise.race([isScraped, other])
      if (answer === undefined) others.push(other)
    }
    // What the client had asked for has not come back yet.
    expect(fake.releases).toEqual([])
    letGo()
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual(others.map(() => 200))
    await vi.waitFor(() => expect(fake.releases).toEqual(fake.wanted.map(() => 1)))
  })

  test('whatever needs no scrape is answered as ever', async () => {
    const { port, fake } = await serve({ maxConcurrentScrapes: 1 })
    const letGo = fake.hold()
    const held = get(port)
    await vi.waitFor(() => expect(fake.wanted).toHaveLength(1))
    expect((await get(port, { path: '/' })).status).toBe(404)
    letGo()
    await held
  })
})
