/** What no protocol can beat on this machine: one durable write, and one datagram there and back. */
import { type ChildProcess, fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

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

/** Milliseconds of `count` round trips of `bytes` bytes to a process that sends back what it gets. */
export async function measureEcho(count: number, bytes: number): Promise<number[]> {
  const echo: ChildProcess = fork(fileURLToPath(new URL('./echo.js', import.meta.url)))
  const [port] = (await once(echo, 'message')) as [number]
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
  echo.kill()
  return times
}
