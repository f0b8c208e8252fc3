import type { Address } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Invitation, Welcome } from '../../machines/messages.ts'
import { Directory } from '../client/directory.ts'
import { type From, type Heard, Link, type Said } from '../client/link.ts'
import { type Resolver, whyUnresolved } from '../resolver.ts'
import { StartError } from './errors.ts'
import type { OptionWords } from './option-words.ts'

const retryMs = 200

/** How long to wait for an answer, in milliseconds, and who looks names up. */
export interface GreetOptions {
  readonly patienceMs: number
  readonly resolver?: Resolver | undefined
  /** What errors call the options. */
  readonly words: OptionWords
}

/** Asks the server at `address` who it is. Throws a `StartError` when it has not answered after `patienceMs`. */
export function greet(address: Address, options: GreetOptions): Promise<Welcome> {
  return ask(address, '', { type: 'hello' }, options, (message, { server }) =>
    message.type === 'welcome' && server !== undefined ? message : null,
  )
}

/**
 * Asks the server that said `welcome` for the founders of its cluster, in the name of the directory `incarnation`. Throws a
 * `StartError` when it has not answered after `patienceMs`.
 */
export async function askFounders(
  address: Address,
  { cluster }: Welcome,
  incarnation: string,
  options: GreetOptions,
): Promise<readonly Member[]> {
  const question = { type: 'join', incarnation } as const
  const invitation = await ask<Invitation>(address, cluster, question, options, (message) =>
    message.type === 'invitation' && message.to === incarnation ? message : null,
  )
  return invitation.founders
}

/** Asks until `answerIn` finds the answer in a message. */
async function ask<A extends Heard>(
  address: Address,
  cluster: string,
  question: Said,
  { patienceMs, resolver, words }: GreetOptions,
  answerIn: (message: Heard, from: From) => A | null,
): Promise<A> {
  let heard: (message: Heard, from: From) => void = () => undefined
  const link = new Link(new Directory([address], resolver), (message, from) => heard(message, from))
  if (cluster !== '') link.adoptCluster(cluster)
  let patience: NodeJS.Timeout | undefined
  const say = () => link.say(0, question)
  const retry = setInterval(say, retryMs)
  try {
    return await new Promise<A>((resolve, reject) => {
      heard = (message, from) => {
        const answer = answerIn(message, from)
        if (answer !== null) resolve(answer)
      }
      patience = setTimeout(() => {
        const why = whyUnresolved(address, resolver)
        const silence = `no server answered there within ${patienceMs / 1000} s`
        reject(new StartError(`${words.names.join} ${address}: ${why ?? silence}`))
      }, patienceMs)
      say()
    })
  } finally {
    clearInterval(retry)
    clearTimeout(patience)
    await link.close()
  }
}
