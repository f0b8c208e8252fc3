import type { Socket } from 'node:dgram'
import type { Json } from '../../machines/batch.ts'
import { answerTo } from '../../machines/founding.ts'
import { shownMembers } from '../../machines/members.ts'
import type { Welcome } from '../../machines/messages.ts'
import type { Resolver } from '../network/resolver.ts'
import { socketBufferBytes } from '../network/socket.ts'
import type { Replica } from '../services/replica.ts'
import type { Identity, Storage } from '../storage/storage.ts'
import { maxCommandBytes } from '../wire/codec.ts'
import type { TextProtocol } from '../wire/text-protocol.ts'
import { Backups } from './backups.ts'
import type { Faults } from './faults.ts'
import type { GivenAddresses } from './given-addresses.ts'
import { recordOf } from './identity.ts'
import { answerToJoin, type Joining } from './joining.ts'
import type { Logger } from './logger.ts'
import type { Outbound } from './outbound.ts'
import type { Receiver } from './receiver.ts'
import type { Runtime } from './runtime.ts'
import { Transport } from './transport.ts'
import type { Warnings } from './warnings.ts'

/** The parts of the server that owns the port. */
export interface PortOptions {
  readonly socket: Socket
  readonly identity: Identity
  readonly replica: Replica
  readonly addresses: GivenAddresses
  readonly runtime: Runtime
  readonly storage: Pick<Storage, 'readSnapshot'>
  readonly resolver: Resolver | undefined
  /** The plain text protocol for clients, beside JSON; `undefined` when the service has none. */
  readonly textProtocol: TextProtocol | undefined
  /** The injected faults; `null` for none. */
  readonly faults: Faults | null
  readonly warnings: Warnings
  readonly logger: Logger
  /** The status of the server, for the answer to `inquire`. */
  readonly status: () => Json
  /** Called before datagrams leave. */
  readonly leaving: () => void
}

/** The UDP port of a serving server. It passes messages to the roles, or answers them itself when no role is needed. */
export class ServerPort {
  /** The interface through which the roles send. */
  readonly outbound: Outbound
  readonly transport: Transport
  readonly #options: PortOptions
  readonly #backups: Backups
  /** The attempt to join of a server that started earlier and asks to join because it is not counted; otherwise `null`. */
  joining: Joining | null = null

  constructor(options: PortOptions) {
    const { socket, identity, resolver, textProtocol, faults, logger } = options
    this.#options = options
    this.#warnOfBuffer()
    this.#backups = new Backups({
      ...{ cluster: identity.cluster, logger },
      ...{ replica: options.replica, runtime: options.runtime, storage: options.storage },
      answer: (to, message) => this.outbound.respond(to, message),
    })
    const receiver = this.#receiver()
    const receiving = faults?.receiver(receiver) ?? receiver
    this.transport = new Transport(socket, identity.cluster, identity.node, receiving, {
      resolver,
      textProtocol,
      logTroubles: (since, latest) => logger.warn({ since, latest }, 'datagrams failed'),
    })
    const outbound = this.#outbound()
    this.outbound = faults?.outbound(outbound) ?? outbound
  }

  #receiver(): Receiver {
    const { identity, replica, runtime, warnings, status, leaving } = this.#options
    return {
      hear: (sender, message, names, from, clock) => runtime.hear(sender, message, names, from, clock),
      request: (message, from) => runtime.request(message, from),
      ask: (message, from) => {
        const repeated = message.nonce === undefined ? {} : { nonce: message.nonce }
        if (message.type === 'hello') this.outbound.respond(from, { ...this.#welcome(), ...repeated })
        else if (message.type === 'backup') this.#backups.ask(message, from)
        else this.outbound.respond(from, { type: 'report', status: status(), ...repeated })
      },
      join: (_, id, { incarnation: asking }, source) => {
        const { to, message } = answerToJoin({ id, asking, source }, replica.members, identity)
        this.transport.send(to, message)
      },
      invited: (answer, sender) => this.joining?.hear(answer, sender),
      found: (question, founder, from) => {
        const { to, message } = answerTo(founder, from, question, recordOf(identity, replica.serviceName))
        this.transport.send(to, message)
        if (message.type === 'notFounder') warnings.refusal(founder, from)
      },
      founder: () => undefined,
      silent: (reason, from) => warnings.silence(reason, from),
      leaving: () => {
        leaving()
        return runtime.clock
      },
      addressOf: (id, addressee, last) => runtime.addressOf(id, addressee, last),
    }
  }

  #outbound(): Outbound {
    const { transport } = this
    return {
      send: ({ address, message, names }) => transport.send(address, message, names),
      respond: (to, message) => transport.send(to, message),
      heard: (sender, last, isMember) => transport.heard(sender, last, isMember),
      lastHeard: (id) => transport.lastHeard(id),
      flag: (oddity, sender) => {
        transport.count(oddity)
        this.#options.warnings.oddity(oddity, sender)
      },
      flush: () => transport.flush(),
      close: () => transport.close(),
    }
  }

  #warnOfBuffer(): void {
    const { socket, logger } = this.#options
    const granted = socket.getRecvBufferSize()
    if (granted >= socketBufferBytes) return
    logger.warn(
      { granted, wanted: socketBufferBytes },
      'a small receive buffer was granted: bursts may be lost; raise net.core.rmem_max',
    )
  }

  #welcome(): Welcome {
    const { identity, replica, addresses } = this.#options
    return {
      type: 'welcome',
      cluster: identity.cluster,
      service: replica.serviceName,
      node: identity.node,
      instance: replica.firstUnexecuted,
      members: shownMembers(addresses.placed(replica.members)),
      commandBytes: maxCommandBytes,
    }
  }
}
