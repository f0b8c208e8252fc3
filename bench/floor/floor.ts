/** The lower bound for every protocol on this machine: one durable write, and one round trip of a datagram. */
import { type ChildProcess, fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithParent } from '../processes/agent.ts'

/** Milliseconds of `count` writes of `bytes` bytes, each with its fdatasync. */
export function measureFdatasync(directory: string, count: number, bytes: number): number[] {
  const file = openSync(join(directory, 'fdatasync'), 'w')
  const record = Buffer.alloc(bytes, 'x')
  return Array.from({ length: count }, () => {
    const begin = performance.now()
    writeSync(file, record)
    fdatasyncSync(file)
    return performance.now() - begin
  })
}

/** Starts a program of this folder, which reports the port that it listens on. */
async function start(program: string, args: readonly string[]): Promise<[child: ChildProcess, port: number]> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args)
  endWithParent(child)
  const [port] = (await once(child, 'message')) as [number]
  return [child, port]
}

/** Milliseconds of `count` round trips of `bytes` bytes to a process that echoes datagrams. */
export async function measureEcho(count: number, bytes: number): Promise<number[]> {
  const [echo, port] = await start('./echo.js', [])
  const times = await measureRoundTrips(port, count, bytes)
  echo.kill()
  return times
}

export interface BarePath {
  /** Milliseconds of `count` requests of `bytes` bytes, one after the other. */
  measure(count: number, bytes: number): Promise<number[]>
  stop(): void
}

/**
 * Starts the path of one request without the protocol: a leader and two followers write and sync at the same time, and the leader
 * answers when two of the three have finished.
 */
export async function startBarePath(directory: string): Promise<BarePath> {
  const file = (name: string) => join(directory, name)
  const followers = await Promise.all(['one', 'two'].map((name) => start('./bare-server.js', [file(name)])))
  const ports = JSON.stringify(followers.map(([, port]) => port))
  const [leader, port] = await start('./bare-server.js', [file('leader'), ports])
  return {
    measure: (count, bytes) => measureRoundTrips(port, count, bytes),
    stop() {
      for (const child of [...followers.map(([follower]) => follower), leader]) child.kill()
    },
  }
}

async function measureRoundTrips(port: number, count: number, bytes: number): Promise<number[]> {
  const socket = createSocket('udp4')
  const datagram = Buffer.alloc(bytes, 'x')
  const times: number[] = []
  for (let i = 0; i < count; i += 1) {
    const begin = performance.now()
    socket.send(datagram, port, '127.0.0.1')
    await once(socket, 'message')
    times.push(performance.now() - begin)
  }
  socket.close()
  return times
}
