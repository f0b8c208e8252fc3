import type { Address } from '../../machines/batch.ts'
import type { Message, RequestMessage } from '../../machines/messages.ts'

/** The answer to a plain text client, or the reason why there is none. */
export type TextAnswer = { readonly text: string } | { readonly silence: string }

/**
 * A plain text protocol of a service, beside JSON, for use with `nc -u`. A server passes the protocol of its service to its
 * transport. The wire layer itself defines none.
 */
export interface TextProtocol {
  /** The prefix of every datagram of this protocol. */
  readonly prefix: string
  /**
   * Parses `text` from the client at `source` into requests, or returns what is wrong with it. A text is accepted as a whole or
   * not at all. An accepted text counts as requested.
   */
  read(text: string, source: Address): readonly RequestMessage[] | { readonly fault: string }
  /** The plain text forms of the answers in `message`; none when it is not an answer yet. */
  answersTo(message: Message): readonly TextAnswer[]
}
