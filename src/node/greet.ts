import type { Address } from '../../machines/batch.ts'
import type { Welcome } from '../../machines/messages.ts'
import { Directory } from '../client/directory.ts'
import { type From, type Heard, Link } from '../client/link.ts'
import { StartError } from '../core/start-error.ts'
import { type Resolver, whyUnresolved } from '../network/resolver.ts'
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
export async function greet(
  address: Address,
  { patienceMs, resolver, words }: GreetOptions,
): Promise<Welcome> {
  let heard: (message: Heard, from: From) => void = () => undefined
  const link = new Link(new Directory([address], resolver), (message, from) => heard(message, from))
  let patience: NodeJS.Timeout | undefined
  const say = () => link.say(0, { type: 'hello' })
  const retry = setInterval(say, retryMs)
  try {
    return await new Promise<Welcome>((resolve, reject) => {
      heard = (message, { server }) => {
        if (message.type === 'welcome' && server !== undefined) resolve(message)
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
