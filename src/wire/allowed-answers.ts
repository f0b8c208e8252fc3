import type { Challenge, Message } from '../../machines/messages.ts'
import { entryOf } from '../messages/dictionary.ts'
import { messageBytes } from './codec.ts'

export interface Allowed {
  readonly messages: readonly Message[]
  /** The size of the answers among them. Includes the envelope when the datagram holds only answers. */
  readonly answerBytes: number
  readonly withheld: number
}

export interface Allowance {
  /** The most bytes that the answers may take, with their envelope. */
  readonly leftBytes: number
  /** The size of the envelope without the messages. */
  readonly headBytes: number
  /** True when the receiver echoes cookies and needs one. */
  readonly needsCookie: boolean
  readonly cookie: string
}

/**
 * Selects the answers in `messages` that fit into the allowance, and all messages that are not answers. When it withholds an
 * answer, it adds a challenge, for which it reserves room. The receiver can then ask again with the cookie.
 */
export function allowedAnswers(messages: readonly Message[], allowance: Allowance): Allowed {
  const { headBytes, needsCookie, cookie } = allowance
  const answers = messages.filter((message) => entryOf(message).isAnswer)
  const isAsking = answers.length < messages.length
  const bytes = answers.reduce((sum, answer) => sum + costOf(answer), 0)
  const overheadBytes = isAsking ? 0 : headBytes
  const room = allowance.leftBytes - overheadBytes
  const nonce = answers.flatMap((answer) => ('nonce' in answer ? (answer.nonce ?? []) : []))[0]
  const challenge = (withheld: number): Challenge => ({
    type: 'challenge',
    cookie,
    withheld,
    ...(nonce !== undefined && { nonce }),
  })
  // With other messages of this server, the cookie does not count as an answer.
  const challengeBytes = isAsking ? 0 : costOf(challenge(messages.length))
  if (bytes <= room || answers.length === 0) {
    const hasRoom = needsCookie && bytes + challengeBytes <= Math.max(room, 0)
    return {
      messages: hasRoom ? [...messages, challenge(0)] : messages,
      answerBytes: overheadBytes + bytes + (hasRoom ? challengeBytes : 0),
      withheld: 0,
    }
  }
  let answerBytes = challengeBytes
  const allowed = messages.filter((message) => {
    if (!entryOf(message).isAnswer) return true
    const isAllowed = answerBytes + costOf(message) <= room
    if (isAllowed) answerBytes += costOf(message)
    return isAllowed
  })
  const withheld = messages.length - allowed.length
  if (challengeBytes > Math.max(room, 0)) return { messages: allowed, answerBytes: 0, withheld }
  return {
    messages: [...allowed, challenge(withheld)],
    answerBytes: overheadBytes + answerBytes,
    withheld,
  }
}

/** The size includes the comma between two messages. */
function costOf(message: Message): number {
  return messageBytes(message) + 1
}
