/** How a state feels, apart from what it is: parts turn a tone into colour. */
export type Tone = "good" | "busy" | "wait" | "bad" | "dead" | "calm";

export interface Described {
  label: string;
  tone: Tone;
}
