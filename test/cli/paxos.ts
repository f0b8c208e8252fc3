/** Runs `paxos`, as processes, for tests. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { BuiltPaxos, type Ended } from '../support/built-paxos.ts'

/** Runs `paxos` to its end. */
export function paxos(...args: string[]): Promise<Ended> {
  return new BuiltPaxos(args).ended
}

/** The first of `count` ports in a row that are free on 127.0.0.1. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    // Below the ports that the system gives to those who ask for any.
    const first = 10_000 + Math.floor(Math.random() * 20_000)
    const ports = Array.from({ length: count }, (_, place) => first + place)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first
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

/** True while the process `pid` is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
