import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The inspector's hub, in a process of its own. */
export interface BenchHub {
  /** The address to which servers report. */
  readonly address: string
  /** The URL of the page. */
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/** Starts a hub at any free port. */
export async function startHub(): Promise<BenchHub> {
  const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'inspect', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await printedUrl(child)
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

/** The URL that the hub prints. Throws when the hub ends without printing one. */
async function printedUrl({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('the hub has no output')
  for await (const line of createInterface({ input: stdout })) {
    const [url] = /http:\S+/.exec(line) ?? []
    if (url !== undefined) {
      stdout.resume()
      return url
    }
  }
  throw new Error('the hub ended without printing its URL')
}
