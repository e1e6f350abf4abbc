// Turns kernel files into one C source: belay_cl_files[], one C string per source line, so that
// literals stay short and driver messages name the real file and line.
//   embed_cl OUTPUT INPUT…
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void put_line(FILE *out, const char *line)
{
    fputs("    \"", out);
    for (; *line && *line != '\n'; line++) {
        if (*line == '"' || *line == '\\')
            fputc('\\', out);
        fputc(*line, out);
    }
    fputs("\\n\",\n", out);
}

static int embed(FILE *out, const char *path, int index)
{
    FILE *in = fopen(path, "r");
    if (!in) {
        fprintf(stderr, "embed_cl: cannot read %s\n", path);
        return 1;
    }
    char line[1024];
    fprintf(out, "static const char *const lines_%d[] = {\n", index);
    fprintf(out, "    \"#line 1 \\\"%s\\\"\\n\",\n", base_name(path));
    while (fgets(line, sizeof(line), in))
        put_line(out, line);
    fputs("    0\n};\n", out);
    fclose(in);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    FILE *out = fopen(argv[1], "w");
    if (!out) {
        fprintf(stderr, "embed_cl: cannot write %s\n", argv[1]);
        return 1;
    }
    fputs("#include \"device/opencl/sources.h\"\n\n", out);
    for (int i = 2; i < argc; i++)
        if (embed(out, argv[i], i - 2))
            return 1;
    fputs("const struct belay_cl_file belay_cl_files[] = {\n", out);
    for (int i = 2; i < argc; i++)
        fprintf(out, "    { \"%s\", lines_%d },\n", base_name(argv[i]), i - 2);
    fputs("    { 0, 0 }\n};\n", out);
    return fclose(out) ? 1 : 0;
}
