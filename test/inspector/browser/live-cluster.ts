/** A real cluster of three servers with the inspector, for tests that look at it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, connect } from '../../../src/client/index.ts'
import { BuiltPaxos } from '../../support/built-paxos.ts'
import { freePorts } from '../../support/free-ports.ts'

/** Started with `--inspect --allow-faults`, its servers on disk; `close` ends it and removes that. */
export class LiveCluster {
  readonly paxos: BuiltPaxos
  /** Of the page, with the token. */
  readonly url: string
  /** The addresses for clients. */
  readonly servers: readonly string[]
  readonly #client: Client
  readonly #data: string

  private constructor(paxos: BuiltPaxos, url: string, servers: readonly string[], data: string) {
    this.paxos = paxos
    this.url = url
    this.servers = servers
    this.#client = connect({ servers })
    this.#data = data
  }

  /** Resolves when the servers answer. */
  static async start(): Promise<LiveCluster> {
    const data = await mkdtemp(join(tmpdir(), 'paxos-inspected-'))
    const port = await freePorts(4)
    const where = ['--port', `${port}`, '--data', join(data, 'servers')]
    const paxos = new BuiltPaxos(['cluster', ...where, '--inspect', `${port + 3}`, '--allow-faults'])
    const [, url] = await paxos.said(/inspector on (http:\S+)/)
    await paxos.said(/^cluster ready$/m)
    const servers = [0, 1, 2].map((id) => `127.0.0.1:${port + id}`)
    return new LiveCluster(paxos, url!, servers, data)
  }

  /** Locks and unlocks. */
  async take(name: string): Promise<void> {
    const lock = await this.#client.locks.acquire(name)
    await lock.release()
  }

  async close(): Promise<void> {
    await this.#client.close()
    this.paxos.signal('SIGTERM')
    await this.paxos.endedWithin(20_000)
    await rm(this.#data, { recursive: true, force: true })
  }
}
