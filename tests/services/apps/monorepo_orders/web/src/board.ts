export type Slot = { id: string; from: string; until: string; free: number };

export function label(slot: Slot): string {
  return `${slot.from.slice(11, 16)}-${slot.until.slice(11, 16)} (${slot.free} free)`;
}
