// Finding all devices of all platforms, and one device seen through two of them.
#include "device/opencl/opencl.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "device/opencl/cl.h"

// Queries of extensions, with the numbers of their registry.
#define QUERY_UUID 0x106A         // cl_khr_device_uuid
#define QUERY_PCI_KHR 0x410F      // cl_khr_pci_bus_info: four cl_uint
#define QUERY_PCI_BUS_NV 0x4008   // cl_nv_device_attribute_query
#define QUERY_PCI_SLOT_NV 0x4009
#define QUERY_PCI_DOMAIN_NV 0x400A
#define QUERY_TOPOLOGY_AMD 0x4037 // cl_amd_device_attribute_query: 24 bytes
#define MAX_PLATFORMS 32
#define MAX_DEVICES 64 // of one platform

static const char *const extensions_that_matter[] = {
    "cl_khr_fp64",          "cl_khr_fp16",        "cl_khr_subgroups",
    "cl_intel_subgroups",   "cl_khr_device_uuid", "cl_khr_pci_bus_info",
    "cl_khr_command_buffer", "cl_intel_bfloat16",  "cl_khr_int64_base_atomics",
    "cl_ext_float_atomics", "cl_khr_il_program",
};

static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += length)
        if ((at == text || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
            return true;
    return false;
}

// A text of a device: cut to size, without control bytes and spaces at the ends.
static void device_text(cl_device_id device, cl_device_info what, char *out, size_t size)
{
    char text[1024] = "";
    size_t length = 0;
    if (clGetDeviceInfo(device, what, sizeof(text) - 1, text, &length) != CL_SUCCESS)
        text[0] = '\0';
    const char *from = text;
    while (*from == ' ')
        from++;
    snprintf(out, size, "%s", from);
    for (size_t i = strlen(out); i > 0 && out[i - 1] <= ' '; i--)
        out[i - 1] = '\0';
}

static void platform_text(cl_platform_id platform, char *out, size_t size)
{
    if (clGetPlatformInfo(platform, CL_PLATFORM_NAME, size - 1, out, NULL) != CL_SUCCESS)
        snprintf(out, size, "unknown platform");
}

// A number of a device, 0 when the driver does not tell.
static uint64_t device_number(cl_device_id device, cl_device_info what, size_t size)
{
    uint64_t wide = 0;
    cl_uint narrow = 0;
    if (size == sizeof(narrow))
        return clGetDeviceInfo(device, what, size, &narrow, NULL) == CL_SUCCESS ? narrow : 0;
    return clGetDeviceInfo(device, what, size, &wide, NULL) == CL_SUCCESS ? wide : 0;
}
#define NUMBER32(what) (uint32_t) device_number(e->device, what, sizeof(cl_uint))
#define NUMBER64(what) device_number(e->device, what, sizeof(cl_ulong))

static void read_extensions(struct belay_cl_entry *e, char *all, size_t size)
{
    char *out = e->info.extensions;
    size_t length = 0;
    if (clGetDeviceInfo(e->device, CL_DEVICE_EXTENSIONS, size - 1, all, NULL) != CL_SUCCESS)
        all[0] = '\0';
    for (size_t i = 0; i < sizeof(extensions_that_matter) / sizeof(char *); i++) {
        const char *name = extensions_that_matter[i];
        if (has_word(all, name) && length + strlen(name) + 2 < sizeof(e->info.extensions))
            length += (size_t) sprintf(out + length, "%s%s", length ? " " : "", name);
    }
}

static void read_uuid(struct belay_cl_entry *e, const char *extensions)
{
    if (!has_word(extensions, "cl_khr_device_uuid") ||
        clGetDeviceInfo(e->device, QUERY_UUID, sizeof(e->uuid), e->uuid, NULL) != CL_SUCCESS)
        return;
    e->has_uuid = true;
    for (size_t i = 0; i < sizeof(e->uuid); i++)
        snprintf(e->info.uuid + 2 * i, 3, "%02x", e->uuid[i]);
}

static void read_bus(struct belay_cl_entry *e, const char *extensions)
{
    unsigned char amd[24];
    if (has_word(extensions, "cl_khr_pci_bus_info") &&
        clGetDeviceInfo(e->device, QUERY_PCI_KHR, sizeof(e->bus), e->bus, NULL) == CL_SUCCESS) {
        e->has_bus = true;
    } else if (has_word(extensions, "cl_nv_device_attribute_query")) {
        uint32_t slot = NUMBER32(QUERY_PCI_SLOT_NV);
        e->bus[0] = NUMBER32(QUERY_PCI_DOMAIN_NV);
        e->bus[1] = NUMBER32(QUERY_PCI_BUS_NV);
        e->bus[2] = slot >> 3;
        e->bus[3] = slot & 7;
        e->has_bus = true;
    } else if (has_word(extensions, "cl_amd_device_attribute_query") &&
               clGetDeviceInfo(e->device, QUERY_TOPOLOGY_AMD, sizeof(amd), amd, NULL) ==
                   CL_SUCCESS) {
        for (int i = 1; i < 4; i++) // after 4 + 17 bytes: bus, device, function; no domain
            e->bus[i] = amd[20 + i];
        e->has_bus = true;
    }
}

static const char *kind_name(cl_device_type type)
{
    if (type & CL_DEVICE_TYPE_GPU)
        return "gpu";
    if (type & CL_DEVICE_TYPE_CPU)
        return "cpu";
    return "accelerator";
}

static bool usable(struct belay_cl_entry *e)
{
    int major = 0, minor = 0;
    cl_bool available = CL_FALSE, compiler = CL_FALSE, little = CL_FALSE;
    clGetDeviceInfo(e->device, CL_DEVICE_AVAILABLE, sizeof(available), &available, NULL);
    clGetDeviceInfo(e->device, CL_DEVICE_COMPILER_AVAILABLE, sizeof(compiler), &compiler, NULL);
    clGetDeviceInfo(e->device, CL_DEVICE_ENDIAN_LITTLE, sizeof(little), &little, NULL);
    if (sscanf(e->info.version, "OpenCL %d.%d", &major, &minor) != 2)
        return false;
    return available && compiler && little && major * 10 + minor >= 12;
}

static void read_entry(struct belay_cl_entry *e, int platform, int device)
{
    char extensions[16384];
    belay_device_info *info = &e->info;
    snprintf(info->select, sizeof(info->select), "opencl:%d:%d", platform, device);
    platform_text(e->platform, info->platform, sizeof(info->platform));
    device_text(e->device, CL_DEVICE_NAME, info->name, sizeof(info->name));
    device_text(e->device, CL_DEVICE_VENDOR, info->vendor, sizeof(info->vendor));
    device_text(e->device, CL_DRIVER_VERSION, info->driver, sizeof(info->driver));
    device_text(e->device, CL_DEVICE_VERSION, info->version, sizeof(info->version));
    e->type = NUMBER64(CL_DEVICE_TYPE);
    snprintf(info->kind, sizeof(info->kind), "%s", kind_name(e->type));
    info->global_memory = NUMBER64(CL_DEVICE_GLOBAL_MEM_SIZE);
    info->max_alloc = NUMBER64(CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->local_memory = NUMBER64(CL_DEVICE_LOCAL_MEM_SIZE);
    info->max_group = device_number(e->device, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    info->compute_units = NUMBER32(CL_DEVICE_MAX_COMPUTE_UNITS);
    info->clock_mhz = NUMBER32(CL_DEVICE_MAX_CLOCK_FREQUENCY);
    info->native_float_width = NUMBER32(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    info->base_align = NUMBER32(CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8;
    info->unified_memory = NUMBER32(CL_DEVICE_HOST_UNIFIED_MEMORY) != 0;
    info->usable = usable(e);
    read_extensions(e, extensions, sizeof(extensions));
    read_uuid(e, extensions);
    read_bus(e, extensions);
}

static bool same_device(const struct belay_cl_entry *a, const struct belay_cl_entry *b)
{
    if (a->type != b->type)
        return false;
    if (a->has_uuid && b->has_uuid && memcmp(a->uuid, b->uuid, sizeof(a->uuid)) == 0)
        return true;
    if (a->has_bus && b->has_bus)
        return memcmp(a->bus, b->bus, sizeof(a->bus)) == 0;
    return strcmp(a->info.name, b->info.name) == 0 &&
           a->info.global_memory == b->info.global_memory &&
           a->info.compute_units == b->info.compute_units;
}

// Two equal cards seen through two platforms pair up in order.
static bool already_paired(const struct belay_cl_entry *list, size_t i, size_t j)
{
    for (size_t k = 0; k < i; k++)
        if (list[k].platform == list[i].platform &&
            strcmp(list[k].info.same_as, list[j].info.select) == 0)
            return true;
    return false;
}

static void mark_same(struct belay_cl_entry *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i && !list[i].info.same_as[0]; j++)
            if (list[j].platform != list[i].platform && !list[j].info.same_as[0] &&
                same_device(&list[j], &list[i]) && !already_paired(list, i, j))
                snprintf(list[i].info.same_as, sizeof(list[i].info.same_as), "%s",
                         list[j].info.select);
}

// How a device ranks when none is named: own memory before shared, then compute, then memory.
static uint64_t rank_of(const struct belay_cl_entry *e)
{
    const belay_device_info *info = &e->info;
    uint64_t kind = 1, compute = info->compute_units;
    if (e->type & CL_DEVICE_TYPE_GPU) {
        kind = info->unified_memory ? 3 : 4;
        compute *= info->clock_mhz ? info->clock_mhz : 1;
    } else if (e->type & CL_DEVICE_TYPE_CPU) {
        kind = 2; // equal cores: the driver with the wider vectors
        compute = compute * 64 + info->native_float_width;
    }
    uint64_t memory = info->global_memory >> 28;
    if (compute > 0xffffffffu)
        compute = 0xffffffffu;
    if (memory > 0xffff)
        memory = 0xffff;
    // Memory decides only between equal compute; on CPUs it is the host's and says nothing.
    return kind << 56 | compute << 16 | (kind > 2 ? memory : 0);
}

static void mark_best(struct belay_cl_entry *list, size_t count)
{
    struct belay_cl_entry *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (list[i].info.usable && (!best || rank_of(&list[i]) > rank_of(best)))
            best = &list[i];
    if (best)
        best->info.best = true;
}

belay_status belay_cl_find(struct belay_log *log, struct belay_cl_entry **out, size_t *count)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_device_id devices[MAX_DEVICES];
    cl_uint num_platforms = 0;
    struct belay_cl_entry *list = NULL;
    size_t num = 0, capacity = 0;
    *out = NULL;
    *count = 0;
    if (clGetPlatformIDs(MAX_PLATFORMS, platforms, &num_platforms) != CL_SUCCESS)
        return BELAY_OK; // no driver is installed
    if (num_platforms > MAX_PLATFORMS)
        num_platforms = MAX_PLATFORMS;
    for (cl_uint p = 0; p < num_platforms; p++) {
        cl_uint num_devices = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MAX_DEVICES, devices,
                           &num_devices) != CL_SUCCESS)
            continue; // a platform without devices
        for (cl_uint d = 0; d < num_devices && d < MAX_DEVICES; d++) {
            if (!belay_grow((void **) &list, num, &capacity, sizeof(*list))) {
                belay_free(list);
                return belay_fail_nomem(log, sizeof(*list));
            }
            list[num] = (struct belay_cl_entry){ .platform = platforms[p], .device = devices[d] };
            read_entry(&list[num++], (int) p, (int) d);
        }
    }
    mark_same(list, num);
    mark_best(list, num);
    *out = list;
    *count = num;
    return BELAY_OK;
}

belay_status belay_opencl_list(struct belay_log *log, belay_device_info **out, size_t *count)
{
    struct belay_cl_entry *list = NULL;
    belay_device_info *infos = NULL;
    size_t num = 0;
    *out = NULL;
    *count = 0;
    BELAY_TRY(belay_cl_find(log, &list, &num));
    if (num) {
        infos = belay_alloc_array(num, sizeof(*infos));
        if (!infos) {
            belay_free(list);
            return belay_fail_nomem(log, num * sizeof(*infos));
        }
    }
    for (size_t i = 0; i < num; i++)
        infos[i] = list[i].info;
    belay_free(list);
    *out = infos;
    *count = num;
    return BELAY_OK;
}
