// Generating one kernel from an element-wise group with a sum at its end. What is summed lies along a row
// (dimension 0) or under each other (dimension 1); each work-item, or on GPUs each group for rows,
// makes whole sums, so that there is one launch.
//
// Order of sums: rows in W lanes, 64 vectors at a time, then a tree over the lanes; on GPUs strided by
// work-item, then a tree. Columns 64 rows at a time. It depends on shapes and the kernel family alone.
#include "device/opencl/fused.h"

#include "graph/graph.h"

static int made_by(const struct belay_group *group)
{
    return group->sum->x[0]->node->id;
}

static void add_rows(struct belay_str *s, const struct belay_cl_space *space, int first)
{
    belay_str_add(s, "1");
    for (int c = first; c < space->rank; c++)
        belay_str_addf(s, " * n%d", c);
    belay_str_add(s, ";\n");
}

static void add_row_sums_cpu(struct belay_str *s, const struct belay_group *group,
                             const struct belay_cl_space *space)
{
    belay_str_add(s, "    const uint b1 = (uint) get_global_id(0) * p0, rows = ");
    add_rows(s, space, 1);
    belay_str_add(s, "    const uint e1 = rows - b1 < p0 ? rows : b1 + p0;\n"
                     "    for (uint r = b1; r < e1 && b1 < rows; r++) {\n"
                     "        uint q = r;\n");
    belay_cl_add_indices(s, space, 1);
    belay_cl_add_pointers(s, group, space);
    belay_str_add(s, "        V total = F(0.0f);\n"
                     "        for (uint j = 0; j < n0; j += W * 64) {\n"
                     "            const uint e0 = n0 - j < W * 64 ? n0 : j + W * 64;\n"
                     "            V part = F(0.0f);\n"
                     "        for (uint i = j; i < e0; i += W) {\n"
                     "            const uint rest = n0 - i;\n");
    belay_cl_add_chain(s, group, space);
    belay_str_addf(s, "            part += first_of(v%d_0, rest);\n        }\n"
                      "            total += part;\n        }\n"
                      "        py%d[r] = sum_of(total) / div;\n    }\n}\n",
                   made_by(group), group->num_y - 1);
}

static void add_row_sums_gpu(struct belay_str *s, const struct belay_group *group,
                             const struct belay_cl_space *space)
{
    belay_str_add(s, "    const uint r = (uint) get_group_id(0), rest = 1, id = get_local_id(0);\n"
                     "    local float part[256];\n"
                     "    V total = 0.0f;\n    {\n        uint q = r;\n");
    belay_cl_add_indices(s, space, 1);
    belay_cl_add_pointers(s, group, space);
    belay_str_add(s, "        for (uint i = id; i < n0; i += p0) {\n");
    belay_cl_add_chain(s, group, space);
    belay_str_addf(s, "            total += v%d_0;\n        }\n    }\n    part[id] = total;\n"
                      "    for (uint h = p0 / 2; h > 0; h /= 2) {\n"
                      "        barrier(CLK_LOCAL_MEM_FENCE);\n"
                      "        if (id < h)\n            part[id] += part[id + h];\n    }\n"
                      "    if (id == 0)\n        py%d[r] = part[0] / div;\n}\n",
                   made_by(group), group->num_y - 1);
}

// One column, or W of them, after the other; `p0` of those.
static void add_column_sums(struct belay_str *s, const struct belay_group *group,
                            const struct belay_cl_space *space)
{
    belay_str_add(s, "    const uint blocks = (n0 + W - 1) / W, all = blocks * ");
    add_rows(s, space, 2);
    belay_str_add(s, "    const uint b = (uint) get_global_id(0) * p0;\n"
                     "    const uint e = all - b < p0 ? all : b + p0;\n"
                     "    for (uint id = b; id < e && b < all; id++) {\n"
                     "        const uint line = id / blocks, i = (id - line * blocks) * W;\n"
                     "        const uint rest = n0 - i;\n        uint q = line;\n"
                     "        V total = F(0.0f);\n");
    belay_cl_add_indices(s, space, 2);
    belay_str_add(s, "        for (uint j = 0; j < n1; j += 64) {\n"
                     "            const uint e1 = n1 - j < 64 ? n1 : j + 64;\n"
                     "            V part = F(0.0f);\n"
                     "        for (uint i1 = j; i1 < e1; i1++) {\n"
                     "        const uint r = line * n1 + i1;\n");
    belay_cl_add_pointers(s, group, space);
    belay_cl_add_chain(s, group, space);
    belay_str_addf(s, "            part += v%d_0;\n        }\n            total += part;\n"
                      "        }\n"
                      "        store_float(py%d + line * n0 + i, total / F(div), rest);\n"
                      "    }\n}\n",
                   made_by(group), group->num_y - 1);
}

void belay_cl_fused_sum_text(struct belay_str *s, const struct belay_group *group,
                             const struct belay_cl_space *space, bool cpu)
{
    belay_str_add(s, "uint p0, float div)\n{\n");
    if (space->sum == 1)
        add_column_sums(s, group, space);
    else
        (cpu ? add_row_sums_cpu : add_row_sums_gpu)(s, group, space);
}
