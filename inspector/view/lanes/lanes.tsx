import type { PartProps } from '../context.ts'

export function Lanes(_: PartProps) {
  return <p>To be drawn.</p>
}
