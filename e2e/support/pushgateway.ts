import { GoServer } from './go-server.ts'
import { pathOf } from './installed.ts'

export const TEXT_0_0_4 = 'text/plain; version=0.0.4'
export const DELIMITED_PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'

/**
 * A Pushgateway: it reads text 0.0.4 and protobuf, and refuses what is there twice or does not fit together. It puts its
 * own `job` and `instance` on everything, so that series that differ in these only are the same to it.
 */
export class Pushgateway {
  readonly #server: GoServer

  private constructor(server: GoServer) {
    this.#server = server
  }

  static async start(): Promise<Pushgateway> {
    return new Pushgateway(await GoServer.start(pathOf('prometheus-pushgateway'), ['--persistence.file=']))
  }

  /** @returns the text of the refusal, or `undefined` when it was accepted; it replaces what was pushed before */
  async push(exposition: string | Buffer, contentType = TEXT_0_0_4): Promise<string | undefined> {
    const response = await fetch(`${this.#server.url}/metrics/job/judged`, {
      method: 'PUT',
      headers: { 'content-type': contentType },
      body: Buffer.isBuffer(exposition) ? new Uint8Array(exposition) : exposition,
    })
    const said = await response.text()
    return response.ok ? undefined : said.trim() || `answered ${response.status}`
  }

  async stop(): Promise<void> {
    await this.#server.stop()
  }
}
