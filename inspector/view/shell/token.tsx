import './token.css'
import type { NodeId } from '../../../machines/batch.ts'
import { partyClass } from './party-class.ts'

/** A server's number in its colour. The number is text, so the colour is not the only information. */
export function Token({ node }: { readonly node: NodeId }) {
  return <span class={`token ${partyClass(node)}`}>{node}</span>
}
