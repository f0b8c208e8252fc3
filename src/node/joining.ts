/** A server that joins. The cluster first agrees to add it, and only then sends it the founders. */
import type { Socket } from 'node:dgram'
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Member } from '../../machines/members.ts'
import type { Invitation, Join, NotInvited, Welcome } from '../../machines/messages.ts'
import { Client } from '../client/client.ts'
import { RequestFailed } from '../client/errors.ts'
import { settingsFrom } from '../client/options.ts'
import { messageOf } from '../core/message-of.ts'
import { StartError } from '../core/start-error.ts'
import { type Resolver, systemResolver } from '../network/resolver.ts'
import { askAgain } from './ask-again.ts'
import type { OptionWords } from './option-words.ts'
import { ignoringReceiver } from './receiver.ts'
import { Transport } from './transport.ts'

const retryMs = 200
/** The number of attempts at the seed alone: it is the preferred informant, if it runs. */
const triesAtSeed = 5

/** The joining server: its address and the incarnation of its directory. */
export interface Joiner {
  readonly id: NodeId
  readonly address: Address
  readonly incarnation: string
}

export interface JoiningOptions {
  /** How long to wait for an answer from servers that know of the addition, in milliseconds. */
  readonly patienceMs: number
  readonly resolver?: Resolver | undefined
  readonly signal?: AbortSignal | undefined
  /** The names of the options in error messages. */
  readonly words: OptionWords
}

/** The content of an invitation. */
export interface Invited {
  /** The members at instance 0. */
  readonly founders: readonly Member[]
  /** The server that sent the invitation. It can send the chosen batches. */
  readonly informant: { readonly id: NodeId; readonly incarnation: string; readonly address: Address }
}

/** The answer to a server that asks to join, and its destination. */
export interface JoiningAnswer {
  readonly message: Invitation | NotInvited
  readonly to: Address
}

/**
 * The answer to server `id`, which asked from `source` with the directory `asking`. The answering server has these `founders` and
 * the directory `incarnation`. It names the founders only to a directory that the cluster agreed to add, and only at the address
 * that the cluster agreed to. A refusal contains no information about servers, and goes back to the source.
 */
export function answerToJoin(
  { id, asking, source }: { readonly id: NodeId; readonly asking: string; readonly source: Address },
  members: readonly Member[],
  { incarnation, members: founders }: { readonly incarnation: string; readonly members: readonly Member[] },
): JoiningAnswer {
  const member = members.find((other) => other.id === id)
  if (member !== undefined && (member.joining === asking || member.incarnation === asking)) {
    return { message: { type: 'invitation', to: asking, incarnation, founders }, to: member.address }
  }
  const missing = member === undefined ? 'member' : 'incarnation'
  return { message: { type: 'notInvited', to: asking, missing }, to: source }
}

/** The attempt of a server to join the cluster of the server at `seed`, which answered `welcome`. */
export class Joining {
  readonly #seed: Address
  readonly #welcome: Welcome
  readonly #joiner: Joiner
  readonly #options: JoiningOptions
  /** The addresses of the servers that may know of the addition. */
  readonly #places: ReadonlyMap<NodeId, Address>
  #refusal: NotInvited | null = null
  #invited: (invited: Invited) => void = () => undefined

  constructor(seed: Address, welcome: Welcome, joiner: Joiner, options: JoiningOptions) {
    this.#seed = seed
    this.#welcome = welcome
    this.#joiner = joiner
    this.#options = options
    const places = welcome.members.map(({ id, address }) => [id, address] as const)
    this.#places = new Map([...places, [welcome.node, seed]])
  }

  /** The address of a server that is asked. */
  addressOf(id: NodeId): Address | undefined {
    return this.#places.get(id)
  }

  /** Handles the answer to a `join`. Ignores an answer for another directory, and an answer that nobody waits for. */
  hear(answer: Invitation | NotInvited, sender: NodeId): void {
    const address = this.#places.get(sender)
    if (answer.to !== this.#joiner.incarnation || address === undefined) return
    if (answer.type === 'notInvited') this.#refusal = answer
    else {
      const { founders, incarnation } = answer
      this.#invited({ founders, informant: { id: sender, incarnation, address } })
    }
  }

  /**
   * Asks the cluster to add the server under its directory, which takes a quorum, and then asks servers that know of it for an
   * invitation. Answers arrive through `hear`. Throws a `StartError` when the cluster refuses or no invitation arrives in time,
   * and the reason of the signal when that aborts.
   */
  async invitation(send: (to: Address, message: Join, names: Names) => void): Promise<Invited> {
    await this.#beAdded()
    const question = { type: 'join' } as const
    const names = { incarnation: this.#joiner.incarnation, addressee: null }
    let tries = 0
    const ask = () => {
      const everybody = [...this.#places].flatMap(([id, address]) =>
        id === this.#joiner.id ? [] : [address],
      )
      for (const address of tries < triesAtSeed ? [this.#seed] : everybody) send(address, question, names)
      tries += 1
    }
    const { patienceMs } = this.#options
    const silence = () => this.#error(this.#silence())
    return await askAgain<Invited>(ask, { everyMs: retryMs, patienceMs, silence }, (answered) => {
      this.#invited = answered
    })
  }

  async #beAdded(): Promise<void> {
    const { signal, resolver = systemResolver } = this.#options
    const { cluster, members } = this.#welcome
    const servers = [this.#seed, ...members.map(({ address }) => address)]
    const client = new Client({ ...settingsFrom({ servers, cluster }), resolver }, undefined)
    try {
      const wish = { action: 'add', ...this.#joiner } as const
      await client.changeMembers(wish, signal === undefined ? {} : { signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw this.#error(refusalIn(error))
    } finally {
      await client.close()
    }
  }

  #silence(): string {
    const { id, address } = this.#joiner
    const within = `within ${this.#options.patienceMs / 1000} s`
    if (this.#refusal === null) {
      return `server ${id} was added, and no server sent it an invitation ${within}: answers go to ${address}, by which the others know it`
    }
    return this.#refusal.missing === 'member'
      ? `server ${id} was added, and no server that answers ${within} knows of it, or it was removed again`
      : `server ${id} was added, and meanwhile another directory joins under its id`
  }

  #error(text: string): StartError {
    return new StartError(`${this.#options.words.names.join} ${this.#seed}: ${text}`)
  }
}

/** Joins before the server exists. Answers arrive on `socket`; all other datagrams remain unanswered. */
export async function joinCluster(
  socket: Socket,
  seed: Address,
  welcome: Welcome,
  joiner: Joiner,
  options: JoiningOptions,
): Promise<Invited> {
  const joining = new Joining(seed, welcome, joiner, options)
  const transport = new Transport(
    socket,
    welcome.cluster,
    joiner.id,
    {
      ...ignoringReceiver,
      invited: (answer, sender) => joining.hear(answer, sender),
      addressOf: (id) => joining.addressOf(id),
    },
    { resolver: options.resolver },
  )
  try {
    return await joining.invitation((...sent) => transport.send(...sent))
  } finally {
    transport.leave()
  }
}

/** Why a change of members failed. If the cluster refused it, this is the text of the cluster. */
export function refusalIn(error: unknown): string {
  if (error instanceof RequestFailed) return error.error
  return messageOf(error)
}
