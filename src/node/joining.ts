/** A server that joins: it has the cluster agree to that, and only then is it told who the founders are. */
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
import { Transport } from './transport.ts'

const retryMs = 200
/** So often the server that was named is asked alone: it is the one to learn from, if it is there. */
const triesAtSeed = 5

/** Who joins: where the others are to find it, and the name of its directory. */
export interface Joiner {
  readonly id: NodeId
  readonly address: Address
  readonly incarnation: string
}

export interface JoiningOptions {
  /** How long servers have to answer that know of it, in milliseconds. */
  readonly patienceMs: number
  readonly resolver?: Resolver | undefined
  readonly signal?: AbortSignal | undefined
  /** What errors call the options. */
  readonly words: OptionWords
}

/** What an invitation tells a server that joins. */
export interface Invited {
  /** The members at instance 0. */
  readonly founders: readonly Member[]
  /** Who told it, and can be asked for what was chosen. */
  readonly informant: { readonly id: NodeId; readonly incarnation: string; readonly address: Address }
}

/** What is answered to a server that asks to join, and where. */
export interface JoiningAnswer {
  readonly message: Invitation | NotInvited
  readonly to: Address
}

/**
 * What a server with these `founders`, whose own directory is `incarnation`, answers to server `id`, which asked at `source` in the name
 * of the directory `asking`. It names the founders only to a directory that the cluster has agreed to, at the address that it
 * agreed to with it. A refusal tells nothing of anybody, and goes back to the source.
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

/** A server's wish to join the cluster of the server at `seed`, which said `welcome`. */
export class Joining {
  readonly #seed: Address
  readonly #welcome: Welcome
  readonly #joiner: Joiner
  readonly #options: JoiningOptions
  /** Who may know of it, and where. */
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

  /** Where a server is that is asked. */
  addressOf(id: NodeId): Address | undefined {
    return this.#places.get(id)
  }

  /** A server answers a `join`. What answers another directory, or comes when nobody asks, changes nothing. */
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
   * Has the server added to the members under its directory, which takes a quorum, and asks those that know of it where to begin;
   * answers come by `hear`. Throws a `StartError` when the cluster refuses, or nobody invites it in time, and the reason of the signal.
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
      return `server ${id} was added, and no server told it ${within} where to begin: answers go to ${address}, by which the others know it`
    }
    return this.#refusal.missing === 'member'
      ? `server ${id} was added, and no server that answers ${within} knows of it, or it was removed again`
      : `server ${id} was added, and meanwhile another directory joins under its id`
  }

  #error(text: string): StartError {
    return new StartError(`${this.#options.words.names.join} ${this.#seed}: ${text}`)
  }
}

/** Joins before there is a server: answers come to `socket`, and everything else is left unanswered. */
export async function joinCluster(
  socket: Socket,
  seed: Address,
  welcome: Welcome,
  joiner: Joiner,
  options: JoiningOptions,
): Promise<Invited> {
  const joining = new Joining(seed, welcome, joiner, options)
  const nothing = () => undefined
  const transport = new Transport(
    socket,
    welcome.cluster,
    joiner.id,
    {
      hear: nothing,
      request: nothing,
      ask: nothing,
      join: nothing,
      invited: (answer, sender) => joining.hear(answer, sender),
      found: nothing,
      founder: nothing,
      silent: nothing,
      leaving: () => 0,
      addressOf: (id) => joining.addressOf(id),
    },
    { resolver: options.resolver },
  )
  try {
    return await joining.invitation((...said) => transport.send(...said))
  } finally {
    transport.leave()
  }
}

/** Why a change of members was not made, in the words of the cluster if it refused. */
export function refusalIn(error: unknown): string {
  if (error instanceof RequestFailed) return error.error
  return messageOf(error)
}
