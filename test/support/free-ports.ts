import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** Ports on which nothing listens by default: not those of the project, nor those that the system gives to those who ask for any. */
const range = { first: 10_000, end: 29_000 }

/**
 * Where processes claim ports, each by a server for TCP at this address: tests use others. A port that is found free is bound only later,
 * and a server that is stopped for a while must find its port again.
 */
const claimsHost = '127.0.0.2'

/** The first of `count` ports in a row that are free on 127.0.0.1. Until this process ends, no other test is given one of them. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = range.first + Math.floor(Math.random() * (range.end - range.first - count))
    const ports = Array.from({ length: count }, (_, place) => first + place)
    const claims = await Promise.all(ports.map(claim))
    if (
      claims.every((claimed) => claimed !== null) &&
      (await Promise.all(ports.map(isFree))).every(Boolean)
    ) {
      return first
    }
    for (const claimed of claims) claimed?.close()
  }
}

/** `null` when another process, or this one, has claimed the port. */
async function claim(port: number): Promise<Server | null> {
  const server = createServer().unref()
  try {
    await once(server.listen({ port, host: claimsHost, exclusive: true }), 'listening')
    return server
  } catch {
    return null
  }
}

async function isFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    socket.bind({ port, address: '127.0.0.1', exclusive: true })
    await once(socket, 'listening')
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}
