import { randomUUID } from 'node:crypto'
import type { Address } from '../../machines/batch.ts'
import { messageOf } from '../core/message-of.ts'
import type { ControlResult } from '../inspect/records/control.ts'
import { isControlCommand } from '../inspect/records/control-check.ts'
import { protocolVersion } from '../inspect/records/protocol.ts'
import { Observer } from '../inspect/report/observer.ts'
import { Reporter } from '../inspect/report/reporter.ts'
import { StatelyBridge } from '../inspect/report/stately.ts'
import type { Replica } from '../services/replica.ts'
import type { Identity } from '../storage/storage.ts'
import type { Logger } from './logger.ts'
import type { NodeControl, NodeOptions } from './node.ts'
import type { Runtime } from './runtime.ts'

/** The server that is inspected. */
export interface InspectedServer {
  readonly identity: Identity
  readonly address: Address
  readonly service: { readonly name: string }
  readonly replica: Replica
  readonly runtime: () => Runtime
  readonly allowsFaults: boolean
  control(command: NodeControl): ControlResult
  readonly logger: Logger
}

/** The connection of a server to the inspector's hub. */
export class Inspection {
  readonly observer: Observer
  readonly #reporter: Reporter

  /** Reports to the hub at `hub`. */
  constructor(hub: Address, server: InspectedServer) {
    const { identity, address, service, replica, runtime, allowsFaults, logger } = server
    const { cluster, node, incarnation, members: founders } = identity
    const reporter = new Reporter({
      hub,
      hello: {
        type: 'server.hello',
        version: protocolVersion,
        node,
        incarnation,
        run: randomUUID(),
        cluster,
        service: service.name,
        founders,
        address,
        allowsFaults,
      },
      onControl: (command) =>
        isControlCommand(command) && (command.type === 'rules' || command.type === 'timer')
          ? server.control(command)
          : { ok: false, error: `server ${node} does not understand the command` },
    })
    const snapshot: Runtime['snapshot'] = (role) => runtime().snapshot(role)
    const subject = { address, replica, snapshot, clock: () => runtime().clock }
    this.#reporter = reporter
    this.observer = new Observer(subject, reporter, (error) => {
      logger.error({ reason: error.message }, 'the server stops reporting to the inspector')
      void reporter.close()
    })
  }

  /** The counters of sent and dropped records. */
  get counters(): Reporter['counters'] {
    return this.#reporter.counters
  }

  /** Starts reporting. */
  start(): void {
    this.#reporter.start({ resume: () => this.observer.resume(), heads: () => this.observer.heads() })
  }

  /** Stops reporting. */
  async close(): Promise<void> {
    await this.#reporter.close()
  }
}

/** Opens the bridge to Stately's inspector if the options ask for it. If the bridge cannot be opened, the server runs without it. */
export async function openStately(
  { id, stately }: NodeOptions,
  logger: Logger,
): Promise<StatelyBridge | null> {
  if (stately === undefined) return null
  try {
    return await StatelyBridge.open(id, stately, () =>
      logger.warn({ stately }, "Stately's inspector does not run at this address: start it there"),
    )
  } catch (error) {
    const reason = messageOf(error)
    logger.error({ reason }, "the server cannot report to Stately's inspector")
    return null
  }
}
