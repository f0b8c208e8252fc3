import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The inspector's hub, in a process of its own. */
export interface BenchHub {
  /** Where servers tell it what happens. */
  readonly address: string
  /** Where its page is. */
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/** Starts it at any port. */
export async function startHub(): Promise<BenchHub> {
  const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'inspect', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await addressSaid(child)
  return {
    address: new URL(url).host,
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM')
      await (child.exitCode ?? once(child, 'exit'))
    },
  }
}

/** Throws when it ends and has said none. */
async function addressSaid({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('the hub has no output')
  for await (const line of createInterface({ input: stdout })) {
    const [url] = /http:\S+/.exec(line) ?? []
    if (url !== undefined) {
      stdout.resume()
      return url
    }
  }
  throw new Error('the hub ended and has not said where it is')
}
