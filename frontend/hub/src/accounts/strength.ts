// How good a password is, said while it is typed. The server decides; this only helps.

export interface Strength {
  score: 0 | 1 | 2 | 3;
  words: string;
}

export const LEAST = 10; // as AUTH_PASSWORD_VALIDATORS has it in hub/settings.py
const WORDS = ["Too short: 10 characters at least", "Easy to guess", "Fair: longer is better", "Strong"];

export function strength(password: string, email = ""): Strength {
  const score = scoreOf(password, email);
  return { score, words: WORDS[score]! };
}

function scoreOf(password: string, email: string): Strength["score"] {
  if (password.length < LEAST) return 0;
  const name = email.split("@")[0]?.toLowerCase() ?? "";
  const common = /^(password|qwerty|letmein|welcome|admin)|^\d+$|^(.)\2+$/i.test(password);
  if (common || (name.length > 3 && password.toLowerCase().includes(name))) return 1;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter((kind) => kind.test(password)).length;
  const score = password.length + kinds * 2;
  return score >= 20 ? 3 : score >= 14 ? 2 : 1;
}
