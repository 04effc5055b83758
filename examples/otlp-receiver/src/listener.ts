import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/**
 * A TCP port that can be closed and opened again while the server behind it stays the same: it owns the sockets and hands
 * each over as it is accepted. That makes a connection refused, reset or cut whatever the protocol on it.
 */
export class Listener {
  readonly #host: string
  readonly #server
  readonly #sockets = new Set<Socket>()
  #port = 0

  /** @param accept puts a server on the socket */
  constructor(host: string, accept: (socket: Socket) => void) {
    this.#host = host
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      // A peer that resets is no news to a server that does the same.
      socket.on('error', () => {})
      accept(socket)
    })
  }

  /** The port it listens on, or did before it went down. */
  get port(): number {
    return this.#port
  }

  get isUp(): boolean {
    return this.#server.listening
  }

  /**
   * @param port 0 for any that is free
   * @throws Error with code `EADDRINUSE` when it is taken
   */
  async open(port: number): Promise<void> {
    this.#server.listen(port, this.#host)
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Stops listening and destroys every open connection; connecting is refused from here on. */
  async close(): Promise<void> {
    if (!this.isUp) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  /** The open connection from `address:port`. */
  socketFrom(peer: string): Socket | undefined {
    for (const socket of this.#sockets) {
      if (`${socket.remoteAddress}:${socket.remotePort}` === peer) return socket
    }
    return undefined
  }
}
