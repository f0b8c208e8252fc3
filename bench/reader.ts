/** In the place of a hub: a process that takes whatever servers tell, and parses it. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocketServer } from 'ws'

export interface Reader {
  readonly address: string
  messages(): number
  bytes(): number
  stop(): Promise<void>
}

interface Heard {
  readonly port?: number
  readonly messages?: number
  readonly bytes?: number
}

/** Starts it. What it has read, it says four times a second. */
export async function startReader(): Promise<Reader> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'])
  const [{ port }] = (await once(child, 'message')) as [Heard]
  let heard: Heard = {}
  child.on('message', (message: Heard) => {
    heard = message
  })
  return {
    address: `127.0.0.1:${port}`,
    messages: () => heard.messages ?? 0,
    bytes: () => heard.bytes ?? 0,
    async stop() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

if (process.argv[2] === 'serve') {
  let messages = 0
  let bytes = 0
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/servers' })
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const text = String(data)
      JSON.parse(text)
      messages += 1
      bytes += text.length
    })
  })
  server.on('listening', () => process.send?.({ port: (server.address() as { port: number }).port }))
  setInterval(() => process.send?.({ messages, bytes }), 250)
  process.on('disconnect', () => process.exit())
}
