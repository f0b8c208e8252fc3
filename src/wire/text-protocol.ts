import type { Address } from '../../machines/batch.ts'
import type { Message, RequestMessage } from '../../machines/messages.ts'

/** The answer to a client in plain text; or none, and why. */
export type TextAnswer = { readonly text: string } | { readonly silence: string }

/**
 * A protocol in plain text that a service has beside JSON: what one can type into `nc -u`. A server gives its transport the one of the
 * service that it runs, if there is one; the wire knows none.
 */
export interface TextProtocol {
  /** A datagram in this protocol begins with it. */
  readonly prefix: string
  /**
   * The requests for which the client at `source` asks in `text`, or what is wrong with it: a datagram is taken whole or not at all. A
   * text that was read counts as asked.
   */
  read(text: string, source: Address): readonly RequestMessage[] | { readonly fault: string }
  /** The answer that `message` is to a client in plain text; `null` when it is none yet. */
  answerTo(message: Message): TextAnswer | null
}
