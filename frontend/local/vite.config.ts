import { defineConfig } from "vite";
import { app } from "../vite.shared.ts";

export default defineConfig({ ...app("../../wistro/dev/static"), root: import.meta.dirname });
