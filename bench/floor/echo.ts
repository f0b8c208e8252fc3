/** Sends every datagram back to its sender, to measure the cost of a round trip between two processes. */
import { createSocket } from 'node:dgram'

const socket = createSocket('udp4')
socket.on('message', (datagram, { port, address }) => socket.send(datagram, port, address))
socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port))
process.on('disconnect', () => process.exit())
