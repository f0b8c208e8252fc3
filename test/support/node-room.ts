/** The servers of a test that run in its process, their data directories, and their clients. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '../../src/client/index.ts'
import type { RunningNode } from '../../src/node/node.ts'
import { freePorts } from './free-ports.ts'

export class NodeRoom<Name = number> {
  /** Exists from `open` to `close`. */
  readonly directory: string
  /** The first of the free ports. */
  readonly port: number
  readonly nodes = new Map<Name, RunningNode>()
  readonly clients: Client[] = []

  private constructor(directory: string, port: number) {
    this.directory = directory
    this.port = port
  }

  /** Makes a directory for `name`, and finds so many free ports in a row. */
  static async open<Name = number>(name: string, ports: number): Promise<NodeRoom<Name>> {
    return new NodeRoom<Name>(await mkdtemp(join(tmpdir(), `paxos-${name}-`)), await freePorts(ports))
  }

  /** Closes the clients, stops the servers and removes the directory. */
  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()))
    await Promise.all([...this.nodes.values()].map((node) => node.stop()))
    await rm(this.directory, { recursive: true, force: true })
  }
}
