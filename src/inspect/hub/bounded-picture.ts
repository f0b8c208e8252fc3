import { heldBytes } from '../../core/json.ts'
import { nothingInLedger } from '../records/ledger.ts'
import type { Picture, ServerPicture } from '../records/picture.ts'

/** A server, of which no more is kept than that it is there and how far it came. */
function inOutline(server: ServerPicture): ServerPicture {
  return { ...server, roles: null, durable: null, members: [], cause: null, moves: [], samples: [] }
}

/** What is given up, one after the other: first what is of servers that are gone. */
const cuts: readonly ((picture: Picture) => Picture)[] = [
  (picture) => ({
    ...picture,
    servers: picture.servers.map((server) => (server.state === 'gone' ? inOutline(server) : server)),
  }),
  (picture) => ({ ...picture, last: null, ledger: nothingInLedger }),
  (picture) => ({ ...picture, service: null, clients: [] }),
  (picture) => ({ ...picture, servers: picture.servers.map(inOutline) }),
  (picture) => ({ ...picture, servers: [], milestones: [] }),
]

/** The picture, without what makes it take more than `most` bytes in memory, about. */
export function boundedPicture(picture: Picture, most: number): Picture {
  let bounded = picture
  for (const cut of cuts) {
    if (heldBytes(bounded) <= most) return bounded
    bounded = cut(bounded)
  }
  return bounded
}
