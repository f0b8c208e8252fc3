import type { Address } from '../../machines/batch.ts'
import type { Welcome } from '../../machines/messages.ts'
import { Directory } from '../client/directory.ts'
import { type From, type Heard, Link } from '../client/link.ts'
import { StartError } from '../core/start-error.ts'
import { type Resolver, whyUnresolved } from '../network/resolver.ts'
import { askAgain } from './ask-again.ts'
import type { OptionWords } from './option-words.ts'

const retryMs = 200

/** How long to wait for an answer, in milliseconds, and which resolver to use. */
export interface GreetOptions {
  readonly patienceMs: number
  readonly resolver?: Resolver | undefined
  /** The names of the options in error messages. */
  readonly words: OptionWords
}

/** Asks the server at `address` for its identity. Throws a `StartError` when no answer arrives within `patienceMs`. */
export async function greet(
  address: Address,
  { patienceMs, resolver, words }: GreetOptions,
): Promise<Welcome> {
  let heard: (message: Heard, from: From) => void = () => undefined
  const link = new Link(
    new Directory([address], resolver),
    (message, from) => heard(message, from),
    () => undefined,
  )
  const send = () => link.say(0, { type: 'hello' })
  const silence = () => {
    const why = whyUnresolved(address, resolver) ?? `no server answered there within ${patienceMs / 1000} s`
    return new StartError(`${words.names.join} ${address}: ${why}`)
  }
  try {
    return await askAgain<Welcome>(send, { everyMs: retryMs, patienceMs, silence }, (answered) => {
      heard = (message, { server }) => {
        if (message.type === 'welcome' && server !== undefined) answered(message)
      }
    })
  } finally {
    await link.close()
  }
}
