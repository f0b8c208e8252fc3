/**
 * A server with only the work that the protocol cannot avoid: it writes and syncs each datagram, and sends it on. With the ports of
 * followers as its argument it is the leader; otherwise it is a follower.
 */
import { createSocket } from 'node:dgram'
import { fdatasync, openSync, write } from 'node:fs'

const [file = '', followerPorts = '[]'] = process.argv.slice(2)
const followers: readonly number[] = JSON.parse(followerPorts)
const quorum = 2
const disk = openSync(file, 'w')
const socket = createSocket({ type: 'udp4', lookup: (host, _, found) => found(null, host, 4) })
let client = { port: 0, address: '' }
let votes = 0

function sync(datagram: Uint8Array, done: () => void): void {
  write(disk, datagram, () => fdatasync(disk, done))
}

socket.on('message', (datagram, source) => {
  const vote = () => {
    votes += 1
    if (votes === quorum) socket.send(datagram, client.port, client.address)
  }
  if (followers.length === 0) {
    sync(datagram, () => socket.send(datagram, source.port, source.address))
  } else if (followers.includes(source.port)) {
    vote()
  } else {
    client = source
    votes = 0
    for (const port of followers) socket.send(datagram, port, '127.0.0.1')
    sync(datagram, vote)
  }
})
socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port))
process.on('disconnect', () => process.exit())
