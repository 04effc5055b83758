// How long scrapers wait, alone and all at once, over keep-alive connections, gzipped as Prometheus asks for it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const quantile = (values, q) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))]

/** @returns latencies in ms: p50 and p99 of one scraper and of `scrapers` at once; and how many turns the latter took */
export async function measureParallel(series, scrapers, rounds) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./endpoint.mjs', import.meta.url)), series], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const say = async () => JSON.parse((await lines.next()).value)
  const ask = () => {
    child.stdin.write('stats\n')
    return say()
  }
  const { port } = await say()
  const agent = new Agent({ keepAlive: true, maxSockets: scrapers })
  const scrape = async () => {
    const startedMillis = performance.now()
    const sent = request({ host: '127.0.0.1', port, path: '/metrics', agent, headers: { 'accept-encoding': 'gzip' } })
    sent.end()
    const [response] = await once(sent, 'response')
    response.resume()
    await once(response, 'end')
    return performance.now() - startedMillis
  }
  const together = () => Promise.all(Array.from({ length: scrapers }, scrape))
  for (let i = 0; i < 5; i++) await together()
  const alone = []
  for (let i = 0; i < 200; i++) alone.push(await scrape())
  const before = await ask()
  const all = []
  for (let i = 0; i < rounds; i++) all.push(...(await together()))
  const after = await ask()
  child.stdin.end()
  agent.destroy()
  return {
    alone: [quantile(alone, 0.5), quantile(alone, 0.99)],
    all: [quantile(all, 0.5), quantile(all, 0.99)],
    turnsPerRound: (after.turns - before.turns) / rounds,
  }
}
