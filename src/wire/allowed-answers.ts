import type { Challenge, Message } from '../../machines/messages.ts'
import { entryOf } from '../messages/dictionary.ts'
import { messageBytes } from './codec.ts'

export interface Allowed {
  readonly messages: readonly Message[]
  /** Of the answers among them, with the envelope, where it is theirs alone. */
  readonly answerBytes: number
  readonly withheld: number
}

export interface Allowance {
  /** What answers may come to, with their envelope. */
  readonly leftBytes: number
  /** Bytes of the envelope beside the messages. */
  readonly headBytes: number
  /** Whoever receives it echoes cookies, and needs one. */
  readonly needsCookie: boolean
  readonly cookie: string
}

/**
 * As many answers of `messages` as fit into what is left, and all that are no answers. Whoever is left without an answer is
 * told so by a challenge, for which room is kept, so that it can ask again with the cookie.
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
  // Along with what a server says of itself the cookie is no answer.
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

/** A comma stands between two messages. */
function costOf(message: Message): number {
  return messageBytes(message) + 1
}
