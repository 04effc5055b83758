import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { diagLog } from '../../processor/test/support/diag-log.ts'
import type { Authorize } from '../src/prometheus/http/scrape-requests.ts'
import { closeAll, GET, get, send, serve } from './support/scrape-server.ts'

afterEach(closeAll)

/** Lets in whoever has one of these passwords or tokens. Takes the same time for all that are wrong. */
function allowing(credentials: { readonly basic?: string; readonly bearer?: string }): Authorize {
  const sha256 = (text: string) => createHash('sha256').update(text).digest()
  const allowed = [
    // A user and a password, as user:password.
    ...(credentials.basic ? [sha256(`basic ${Buffer.from(credentials.basic).toString('base64')}`)] : []),
    ...(credentials.bearer ? [sha256(`bearer ${credentials.bearer}`)] : []),
  ]
  return ({ headers }: IncomingMessage) => {
    const [scheme = '', value = ''] = (headers.authorization ?? '').split(' ', 2)
    // Digests are of one length, as timingSafeEqual wants them, and tell nothing of the length of what is in them.
    const given = sha256(`${scheme.toLowerCase()} ${value}`)
    // All are compared, so that the time does not tell which one was near.
    return allowed.filter((each) => timingSafeEqual(each, given)).length > 0
  }
}

describe('a hook that knows a password and a token', () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  const authorize = allowing({ basic: 'scraper:open sesame: ü', bearer: 'abc.def-123' })

  test.each([
    ['the password', basic('scraper:open sesame: ü')],
    ['the token', 'Bearer abc.def-123'],
    ['the token by a scheme in other letters', 'bEARER abc.def-123'],
  ])('lets in who has %s', async (_what, authorization) => {
    const { port } = await serve({ authorize })
    expect((await get(port, { headers: { authorization } })).status).toBe(200)
  })

  test.each([
    ['nothing', undefined],
    ['an empty header', ''],
    ['a scheme only', 'Bearer'],
    ['another password', basic('scraper:open sesame')],
    ['another user', basic('root:open sesame: ü')],
    ['the beginning of the token', 'Bearer abc.def-12'],
    ['more than the token', 'Bearer abc.def-1234'],
    ['the token in other letters', 'Bearer ABC.DEF-123'],
    ['the token as a password', 'Basic abc.def-123'],
    ['the token without a scheme', 'abc.def-123'],
    ['far too much', `Bearer ${'a'.repeat(7_000)}`],
  ])('keeps out who has %s', async (_what, authorization) => {
    const { port, fake } = await serve({ authorize })
    const answer = await get(port, { headers: authorization === undefined ? {} : { authorization } })
    expect(answer).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="metrics"', 'cache-control': 'no-store' },
      body: 'not allowed\n',
    })
    expect(fake.wanted).toEqual([])
  })

  test('lets nobody in when it knows neither', async () => {
    const { port } = await serve({ authorize: allowing({}) })
    expect((await get(port, { headers: { authorization: 'Bearer undefined' } })).status).toBe(401)
  })
})

describe('a hook', () => {
  test('may take its time', async () => {
    const { port } = await serve({ authorize: async ({ headers }) => headers['x-let-me'] === 'in' })
    expect((await get(port, { headers: { 'x-let-me': 'in' } })).status).toBe(200)
    expect((await get(port)).status).toBe(401)
  })

  test.each([1, 'yes', {}, undefined, null])('says yes with true only, not with %s', async (verdict) => {
    const { port } = await serve({ authorize: () => verdict as never })
    expect((await get(port)).status).toBe(401)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('token=S3CRET')
      },
    ],
    ['rejects', () => Promise.reject(new Error('token=S3CRET'))],
  ])('that %s gives 500 without a word of it, and is reported once', async (_how, authorize) => {
    const log = diagLog()
    const { port, fake } = await serve({ authorize })
    for (let each = 0; each < 3; each++) {
      expect(await get(port)).toMatchObject({ status: 500, body: 'it could not be decided whether this is allowed\n' })
    }
    expect(fake.wanted).toEqual([])
    expect(log).toEqual([
      'error sluice: the authorize hook of a Prometheus endpoint failed, scrapes get 500: token=[redacted]',
    ])
  })

  test('that says neither yes nor no is reported once', async () => {
    const log = diagLog()
    const { port } = await serve({ authorize: () => 1 as never })
    for (let each = 0; each < 3; each++) await get(port)
    expect(log).toEqual([
      'error sluice: the authorize hook of a Prometheus endpoint gave something else than true or false, scrapes get 401',
    ])
  })

  test('whose answer is only like a promise is asked for it once, and not for ever', async () => {
    diagLog()
    let asked = 0
    const answer = (then: (resolve: (verdict: boolean) => void) => void) =>
      Object.defineProperty({}, 'then', { value: then })
    const once = answer((resolve) => {
      if (++asked === 1) resolve(true)
    })
    const never = Object.assign(
      () => {},
      answer(() => {}),
    )
    Object.defineProperty(never, 'then', { value: () => {} })
    const { port } = await serve({
      authorize: ({ headers }) => (headers['x-let-me'] === 'in' ? once : never) as never,
      scrapeTimeoutMillis: 50,
    })
    expect((await get(port, { headers: { 'x-let-me': 'in' } })).status).toBe(200)
    expect((await get(port)).status).toBe(500)
  })

  test('that never answers is not waited for longer than a scrape', async () => {
    const log = diagLog()
    const { port, fake } = await serve({ authorize: () => new Promise(() => {}), scrapeTimeoutMillis: 20 })
    expect((await get(port)).status).toBe(500)
    expect(log[0]).toContain('no answer within 20 ms')
    expect(fake.wanted).toEqual([])
  })

  test('is asked by as many as come, and takes no place among the scrapes', async () => {
    let decide = (_verdict: boolean): void => {}
    let asked = 0
    const verdict = new Promise<boolean>((resolve) => {
      decide = resolve
    })
    const { port } = await serve({
      authorize: ({ headers }) => {
        if (headers['x-let-me'] === 'in') return true
        asked++
        return verdict
      },
      maxConcurrentScrapes: 1,
    })
    const waiting = [get(port), get(port), get(port)]
    await vi.waitFor(() => expect(asked).toBe(3))
    expect((await get(port, { headers: { 'x-let-me': 'in' } })).status).toBe(200)
    decide(false)
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([401, 401, 401])
  })

  test('is not asked about what is refused anyway', async () => {
    const authorize = vi.fn(() => true)
    const { port } = await serve({ authorize })
    await get(port, { path: '/' })
    await get(port, { method: 'POST' })
    expect(authorize).not.toHaveBeenCalled()
  })

  test('that says yes to a client who has gone scrapes nothing', async () => {
    let client: ReturnType<typeof send> | undefined
    let verdict: Promise<boolean> | undefined
    const { port, fake } = await serve({
      authorize: ({ socket }) => {
        client!.destroy()
        verdict = new Promise((resolve) => socket.once('close', () => resolve(true)))
        return verdict
      },
    })
    client = send(port, GET)
    await vi.waitFor(() => expect(verdict).toBeDefined())
    await verdict
    await new Promise(setImmediate)
    expect(fake.wanted).toEqual([])
  })
})
