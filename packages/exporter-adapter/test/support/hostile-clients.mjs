// Connections to the given port that are up to no good, as many of each manner; one that the server closes is opened again.
// In a process of its own, so that the server pays for what it does about them, and not for what they do. Says 'ready'
// once all have come, and at any message how many the server has closed.
import { connect } from 'node:net'

const [port, connections] = process.argv.slice(2).map(Number)

/** How often a client does what it does, and how long it waits before it comes back, in ms. */
const PACE_MILLIS = 10

const GET = 'GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n'
const ENDLESS = `GET /metrics HTTP/1.1\r\nHost: test\r\nX-Endless: ${'y'.repeat(8_000)}`

const manners = {
  sendsHeadersLetterByLetter(socket) {
    let sent = 0
    repeat(socket, () => socket.write(ENDLESS[sent++ % ENDLESS.length]))
  },
  sendsHalfARequest(socket) {
    socket.write(GET.slice(0, GET.length / 2))
  },
  sendsOneRequestAfterTheOther(socket) {
    repeat(socket, () => socket.write(GET.repeat(2)))
  },
  sendsHugeHeaders(socket) {
    socket.write(`GET /metrics HTTP/1.1\r\nHost: test\r\nX-Huge: ${'y'.repeat(64 * 1024)}\r\n\r\n`)
  },
  neverReadsWhatItAskedFor(socket) {
    socket.pause()
    socket.write('GET /metrics?large HTTP/1.1\r\nHost: test\r\n\r\n')
  },
}

let cutOff = 0

function open(manner) {
  const socket = connect(port, '127.0.0.1', () => {
    socket.resume()
    manner(socket)
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    cutOff++
    setTimeout(open, PACE_MILLIS, manner)
  })
}

function repeat(socket, act) {
  const timer = setInterval(act, PACE_MILLIS)
  socket.once('close', () => clearInterval(timer))
}

// One after the other, so that they do not come back all at once either.
for (let each = 0; each < connections; each++) setTimeout(open, each * PACE_MILLIS, Object.values(manners)[each % 5])
setTimeout(() => process.send('ready'), connections * PACE_MILLIS)
process.on('message', () => process.send(cutOff))
process.on('disconnect', () => process.exit())
